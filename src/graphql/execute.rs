//! Executing operations, whatever transport they come by: the check before, the execution, the mask behind.
//!
//! Transports see neither the schema nor the library. They hand over an [`Operation`] and who asks, and get JSON.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_graphql::{
    Data, Executor, ObjectType, Request, Response, Schema, ServerError, SubscriptionType, ValidationMode, Value,
    Variables,
};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use chrono::{DateTime, Utc};
use tokio_util::task::TaskTracker;

use super::gate::{Gate, Limits, Passed, Validity};
use super::kept::{Kept, KeptAnswers, Sources};
use super::key::{self, OperationKey};
use super::live::LiveQueries;
use super::mask::{self, Code};
use super::operation::{Operation, OperationKind};
use super::persisted::{self, DocumentHash, PersistedDocuments};
use super::prepared::{Prepared, Sharing, root_fields};
use super::responses::Payload;
use super::written::TakesText;
use crate::clock::SharedClock;
use crate::domain::access::Caller;
use crate::metrics::Metrics;
use crate::throttle::{Demand, RetryAfter, Throttle};

/// How large the variables of a subscription may be, in bytes of JSON.
const MOST_VARIABLES: usize = 64 * 1024;

/// By what way an operation came. Resolvers find it in the context: secrets are refused over [`Transport::Get`],
/// since addresses are logged and remembered all over the place.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP GET.
    Get,
    /// HTTP POST.
    Post,
    /// A WebSocket.
    WebSocket,
}

/// The address that a request came from. Resolvers find it in the context.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

/// When an operation began to be executed: the one "now" of all its fields. Resolvers find it in the context.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct StartedAt(pub DateTime<Utc>);

/// What names a request in the log, and in answers that refer to it; of a WebSocket, the request that opened it.
/// Resolvers find it in the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id of that text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Everything that resolvers learn of a request beside its operation: each part is found by its type in the context.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Who asks.
    pub caller: Caller,
    /// From where.
    pub address: ClientAddress,
    /// What names the request.
    pub request_id: RequestId,
    /// By what way.
    pub transport: Transport,
}

impl RequestContext {
    /// Puts it where the library hands it to resolvers.
    pub(super) fn put_into(self, data: &mut Data) {
        let Self { caller, address, request_id, transport } = self;
        data.insert(caller);
        data.insert(address);
        data.insert(request_id);
        data.insert(transport);
    }
}

/// Why an operation does not come in.
pub(super) enum NotAdmitted {
    /// The check found something wrong with it.
    Invalid(ServerError),
    /// Whoever asks has asked too often.
    TooOften(RetryAfter),
}

impl From<NotAdmitted> for ServerError {
    fn from(refused: NotAdmitted) -> Self {
        match refused {
            NotAdmitted::Invalid(error) => error,
            NotAdmitted::TooOften(wait) => mask::too_often(wait.message(), wait),
        }
    }
}

/// A schema whose types are forgotten, so that transports need not name them.
pub(super) trait AnySchema: Send + Sync {
    /// Executes a query or a mutation.
    fn execute(&self, request: Request) -> BoxFuture<'_, Response>;

    /// Executes any operation: a subscription gives many responses, all others one.
    fn stream(&self, request: Request) -> BoxStream<'static, Response>;
}

impl<E: Executor> AnySchema for E {
    fn execute(&self, request: Request) -> BoxFuture<'_, Response> {
        Executor::execute(self, request).boxed()
    }

    fn stream(&self, request: Request) -> BoxStream<'static, Response> {
        self.execute_stream(request, None)
    }
}

/// The schema, ready to execute operations. Clones share it.
#[derive(Clone)]
pub struct Engine {
    pub(super) schema: Arc<dyn AnySchema>,
    /// The same, which takes operations for valid: for those of which [`Validity`] knows that they are.
    trusting: Arc<dyn AnySchema>,
    pub(super) throttle: Arc<Throttle>,
    pub(super) live: Arc<LiveQueries>,
    kept: Arc<KeptAnswers>,
    persisted: Arc<PersistedDocuments>,
    gate: Arc<Gate>,
    sdl: Arc<str>,
    pub(super) clock: SharedClock,
    pub(super) metrics: Arc<Metrics>,
}

/// How operations are executed.
pub struct EngineSettings {
    /// What time it is.
    pub clock: SharedClock,
    /// How large operations may be.
    pub limits: Limits,
    /// How often they may come.
    pub throttle: Arc<Throttle>,
    /// Counts what goes on beside requests, to be waited for at the end.
    pub tasks: TaskTracker,
    /// How many bytes of answers are kept.
    pub kept_bytes: usize,
    /// Counts what happens.
    pub metrics: Arc<Metrics>,
}

/// Why an operation is not executed.
#[derive(Debug)]
pub enum NotPrepared {
    /// Something is wrong with it: the answer tells what.
    Invalid(Payload),
    /// The document that it names is not known: the client sends it along next time.
    UnknownDocument(Payload),
    /// Whoever asks has asked too often.
    TooOften(RetryAfter),
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("gate", &self.gate).finish_non_exhaustive()
    }
}

impl Engine {
    /// Executes operations of the schema that `schema` makes, each time the same.
    #[must_use]
    pub fn new<Q, M, S>(schema: impl Fn(ValidationMode) -> Schema<Q, M, S>, settings: EngineSettings) -> Self
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        let EngineSettings { clock, limits, throttle, tasks, kept_bytes, metrics } = settings;
        let (schema, trusting) = (schema(ValidationMode::Strict), schema(ValidationMode::Fast));
        let sdl: Arc<str> = schema.sdl().into();
        let gate = Arc::new(Gate::new(limits, &sdl));
        let live = Arc::new(LiveQueries::new(tasks, Arc::clone(&metrics)));
        let kept = Arc::new(KeptAnswers::new(kept_bytes));
        let (schema, trusting, persisted) = (Arc::new(schema), Arc::new(trusting), Arc::default());
        Self { schema, trusting, throttle, live, kept, persisted, gate, sdl, clock, metrics }
    }

    /// The present instant, for an operation that begins.
    pub(super) fn started_at(&self) -> StartedAt {
        StartedAt(self.clock.now())
    }

    /// The schema in the schema definition language.
    #[must_use]
    pub fn sdl(&self) -> &str {
        &self.sdl
    }

    /// Checks an operation before it is executed, in linear time, and takes it from the budgets of its address.
    ///
    /// # Errors
    ///
    /// Something is wrong with the operation, or there are too many of them.
    pub fn prepare(&self, operation: Operation, address: ClientAddress) -> Result<Prepared, NotPrepared> {
        let Operation { query, operation_name, variables, extensions, sent: _ } = operation;
        let hash = persisted::named(&extensions).map_err(|wrong| self.invalid(wrong, address))?;
        let query = self.document(query, hash.as_ref(), address)?;
        let variables_text = key::variables_text(&variables);
        let variables = Variables::from_json(serde_json::Value::Object(variables));
        let passed = self.admit(&query, operation_name.as_deref(), &variables, address);
        let Passed { document, kind, demand, validity } = passed.map_err(|refused| match refused {
            NotAdmitted::Invalid(error) => NotPrepared::Invalid(self.refusal(error)),
            NotAdmitted::TooOften(wait) => NotPrepared::TooOften(wait),
        })?;
        if kind == OperationKind::Subscription && variables_text.len() > MOST_VARIABLES {
            // They stay in memory for as long as somebody watches.
            let message = format!(
                "The variables of a subscription may have {MOST_VARIABLES} bytes of JSON. Leave out what it does not use."
            );
            return Err(NotPrepared::Invalid(self.refusal(mask::error(Code::BadUserInput, message))));
        }
        // Only what has passed: what is kept is executed again by whoever knows its hash.
        if let Some(hash) = hash {
            self.persisted.keep(hash, &query);
        }
        let sharing = Sharing::of(&document, operation_name.as_deref());
        let fields = root_fields(&document, operation_name.as_deref());
        let mut request = Request::new(query).variables(variables);
        request.operation_name = operation_name;
        request.set_parsed_query(document);
        Ok(Prepared { request, kind, sharing, variables: variables_text, fields, demand, validity })
    }

    /// The document of an operation: the one that was sent, or the one that is kept.
    fn document(
        &self,
        query: Option<String>,
        hash: Option<&DocumentHash>,
        address: ClientAddress,
    ) -> Result<String, NotPrepared> {
        match (query, hash) {
            (Some(query), Some(hash)) if !persisted::is_of(hash, &query) => {
                let message = "`extensions.persistedQuery.sha256Hash` is not that of `query`.";
                Err(self.invalid(message.to_owned(), address))
            }
            (Some(query), _) => Ok(query),
            (None, None) => Err(self.invalid("There is no `query`. Send a GraphQL document.".to_owned(), address)),
            (None, Some(hash)) => self.persisted.find(hash).map(|query| query.to_string()).ok_or_else(|| {
                let unknown = Payload::refusal(mask::error(Code::BadUserInput, persisted::NOT_FOUND));
                self.refused(NotPrepared::UnknownDocument(unknown), address)
            }),
        }
    }

    fn invalid(&self, message: String, address: ClientAddress) -> NotPrepared {
        self.refused(NotPrepared::Invalid(self.refusal(mask::error(Code::BadUserInput, message))), address)
    }

    /// The answer that says why something is not executed.
    pub(super) fn refusal(&self, error: ServerError) -> Payload {
        let response = Response::from_errors(vec![error]);
        count(&self.metrics, &response, &[]);
        Payload::of(&response)
    }

    /// Counts an error of this code that has left without coming by here.
    pub fn refused_elsewhere(&self, code: Code) {
        self.metrics.refused(code.as_str());
    }

    /// `refusal`, which costs as much as a query.
    fn refused(&self, refusal: NotPrepared, ClientAddress(address): ClientAddress) -> NotPrepared {
        self.throttle.admit(address, &Demand::QUERY).map_or_else(NotPrepared::TooOften, |()| refusal)
    }

    /// What every operation passes, whatever transport it comes by. One that is refused has cost a query: otherwise
    /// being wrong would be free.
    pub(super) fn admit(
        &self,
        query: &str,
        operation_name: Option<&str>,
        variables: &Variables,
        ClientAddress(address): ClientAddress,
    ) -> Result<Passed, NotAdmitted> {
        let checked = self.gate.check(query, operation_name, variables);
        let for_nothing = Demand::QUERY;
        let demand = checked.as_ref().map_or(&for_nothing, |passed| &passed.demand);
        self.throttle.admit(address, demand).map_err(NotAdmitted::TooOften)?;
        checked.map_err(|refused| NotAdmitted::Invalid(refused.into()))
    }

    /// The answer to what nobody who is signed in has sent, if the same was sent before, and that answer is kept and true:
    /// without reading it.
    ///
    /// # Errors
    /// There are too many operations from there.
    pub fn kept_as_sent(&self, sent: &[u8], address: ClientAddress) -> Result<Option<Payload>, RetryAfter> {
        let found = if self.kept.keeps() { self.kept.find_sent(sent, self.clock.now()) } else { None };
        found.map(|kept| self.given_again(&kept, address)).transpose()
    }

    /// The answer to an operation of nobody who is signed in, if it is kept and true: without reading its document.
    ///
    /// # Errors
    /// There are too many operations from there.
    pub fn kept(&self, operation: &Operation, address: ClientAddress) -> Result<Option<Payload>, RetryAfter> {
        let found = match (&operation.query, operation.extensions.is_empty()) {
            (Some(document), true) if self.kept.keeps() => {
                self.kept.find(&OperationKey::anonymous(document, operation), self.clock.now())
            }
            _ => None,
        };
        if let (Some(kept), Some(sent)) = (&found, &operation.sent) {
            self.kept.keep_sent(sent, kept);
        }
        found.map(|kept| self.given_again(&kept, address)).transpose()
    }

    /// An answer that is true, for whoever may ask.
    fn given_again(&self, kept: &Kept, address: ClientAddress) -> Result<Payload, RetryAfter> {
        self.throttle.admit(address.0, &kept.demand())?;
        self.metrics.kept();
        Ok(Payload::Executed(kept.answer()))
    }

    /// Executes a query or a mutation, or finds the answer among those that are kept.
    pub async fn execute(&self, prepared: Prepared, context: RequestContext) -> Payload {
        if prepared.sharing != Sharing::Kept || !self.kept.keeps() {
            return self.execute_counted(prepared, context, Data::default()).await.0;
        }
        let key = prepared.key(&context.caller);
        // Whoever asks while it is found out waits once for that; what has changed meanwhile they find out for themselves.
        let mut turn = None;
        for _ in 0..2 {
            if let Some(kept) = self.kept.find(&key, self.clock.now()) {
                self.metrics.kept();
                return Payload::Executed(kept.answer());
            }
            turn = self.kept.turn(&key).await;
            if turn.is_some() {
                break;
            }
        }
        let sources = Sources::default();
        let mut data = Data::default();
        data.insert(sources.clone());
        let queries = prepared.demand.queries;
        let (payload, fields) = self.execute_counted(prepared, context, data).await;
        if let Payload::Executed(answer) = &payload
            && let Some(sources) = fields.and_then(|fields| sources.of(fields))
        {
            self.kept.keep(key, answer.clone(), sources, queries);
        }
        drop(turn);
        payload
    }

    /// Executes a query or a mutation, of which resolvers find `data` in the context. Beside what it came to, how many
    /// fields the answer has at its root; `None`: it has errors.
    async fn execute_counted(
        &self,
        prepared: Prepared,
        context: RequestContext,
        data: Data,
    ) -> (Payload, Option<usize>) {
        let Prepared { mut request, kind, fields, validity, .. } = prepared;
        let (request_id, begun) = (context.request_id.clone(), self.clock.monotonic());
        request.data = data;
        let request = self.request(request, context);
        let is_known = validity.as_ref().is_some_and(Validity::is_known);
        let schema = if is_known { &self.trusting } else { &self.schema };
        let response = mask::masked(schema.execute(request).await, &request_id);
        self.metrics.took(kind.name(), self.clock.monotonic().since(begun));
        count(&self.metrics, &response, &fields);
        let fields = match &response.data {
            Value::Object(data) if response.errors.is_empty() => Some(data.len()),
            _ => None,
        };
        if let (Some(validity), true) = (validity, response.errors.is_empty()) {
            validity.found();
        }
        (Payload::of(&response), fields)
    }

    /// `request` with all that resolvers want to know, for a response that becomes a [`Payload`].
    pub(super) fn request(&self, request: Request, context: RequestContext) -> Request {
        self.request_of_values(request, context).data(TakesText)
    }

    /// The same for whoever writes the response in another way.
    pub(super) fn request_of_values(&self, mut request: Request, context: RequestContext) -> Request {
        context.put_into(&mut request.data);
        request.data.insert(self.started_at());
        request.data.insert(Arc::clone(&self.metrics));
        request
    }
}

/// Counts what `response`, which is masked, says of an operation that asks for `fields`.
pub(super) fn count(metrics: &Metrics, response: &Response, fields: &[String]) {
    // What was not executed may name anything.
    if !mask::is_request_error(response) {
        for field in fields {
            metrics.executed(field);
        }
    }
    for code in mask::codes(response) {
        metrics.refused(code);
    }
}

#[cfg(test)]
mod tests;
