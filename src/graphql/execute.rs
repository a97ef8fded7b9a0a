//! Executing operations, whatever transport they come by: the check before, the execution, the mask behind.
//!
//! Transports see neither the schema nor the library. They hand over an [`Operation`] and who asks, and get JSON.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Data, Executor, ObjectType, Request, Response, Schema, ServerError, SubscriptionType, Variables};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use chrono::{DateTime, Utc};
use tokio_util::task::TaskTracker;

use super::gate::{Gate, Limits, Passed};
use super::live::{self, LiveQueries};
use super::mask::{self, Code};
use super::persisted::{self, PersistedDocuments};
use super::responses::Payload;
use crate::clock::SharedClock;
use crate::domain::access::Caller;
use crate::throttle::{Demand, RetryAfter, Throttle};

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
    /// The context as the library hands it to resolvers.
    pub(super) fn into_data(self) -> Data {
        let Self { caller, address, request_id, transport } = self;
        let mut data = Data::default();
        data.insert(caller);
        data.insert(address);
        data.insert(request_id);
        data.insert(transport);
        data
    }
}

/// An operation as a client sends it. It cannot be shown: its variables may be secrets.
#[derive(Default)]
pub struct Operation {
    /// The GraphQL document; may be left out where `extensions` name one that the server keeps.
    pub query: Option<String>,
    /// Which of the document's operations; can be left out when there is only one.
    #[expect(clippy::struct_field_names, reason = "the name that the specification gives it")]
    pub operation_name: Option<String>,
    /// The values of the operation's variables.
    pub variables: serde_json::Map<String, serde_json::Value>,
    /// What else the client says: `persistedQuery`, by which hash the document is known.
    pub extensions: serde_json::Map<String, serde_json::Value>,
}

/// What an operation does.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Reads.
    Query,
    /// Changes.
    Mutation,
    /// Is told of changes.
    Subscription,
}

impl From<OperationType> for OperationKind {
    fn from(kind: OperationType) -> Self {
        match kind {
            OperationType::Query => Self::Query,
            OperationType::Mutation => Self::Mutation,
            OperationType::Subscription => Self::Subscription,
        }
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

/// An operation that has passed the check before execution.
pub struct Prepared {
    pub(super) request: Request,
    kind: OperationKind,
    /// Whether it is a subscription that may be shared.
    pub(super) is_public: bool,
}

impl Prepared {
    /// What the operation does.
    #[must_use]
    pub fn kind(&self) -> OperationKind {
        self.kind
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
    pub(super) throttle: Arc<Throttle>,
    pub(super) live: Arc<LiveQueries>,
    persisted: Arc<PersistedDocuments>,
    gate: Arc<Gate>,
    sdl: Arc<str>,
    clock: SharedClock,
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
    /// Executes operations of `schema` within `limits`, as often as `throttle` says. What goes on beside requests is counted
    /// by `tasks`.
    #[must_use]
    pub fn new<Q, M, S>(
        schema: Schema<Q, M, S>,
        clock: SharedClock,
        limits: Limits,
        throttle: Arc<Throttle>,
        tasks: TaskTracker,
    ) -> Self
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        let sdl: Arc<str> = schema.sdl().into();
        let gate = Arc::new(Gate::new(limits, &sdl));
        let live = Arc::new(LiveQueries::new(tasks));
        Self { schema: Arc::new(schema), throttle, live, persisted: Arc::default(), gate, sdl, clock }
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
        let Operation { query, operation_name, variables, extensions } = operation;
        let invalid = |message: String| {
            let costs_as_much = self.throttle.admit(address.0, &Demand::QUERY);
            costs_as_much.map_or_else(NotPrepared::TooOften, |()| {
                NotPrepared::Invalid(Payload::refusal(mask::error(Code::BadUserInput, message)))
            })
        };
        let hash = persisted::named(&extensions).map_err(invalid)?;
        let query = match (query, hash) {
            (Some(query), Some(hash)) if !persisted::is_of(&hash, &query) => {
                return Err(invalid("`extensions.persistedQuery.sha256Hash` is not that of `query`.".to_owned()));
            }
            (Some(query), _) => query,
            (None, Some(hash)) => match self.persisted.find(&hash) {
                Some(query) => query.to_string(),
                None => {
                    self.throttle.admit(address.0, &Demand::QUERY).map_err(NotPrepared::TooOften)?;
                    let unknown = Payload::refusal(mask::error(Code::BadUserInput, persisted::NOT_FOUND));
                    return Err(NotPrepared::UnknownDocument(unknown));
                }
            },
            (None, None) => return Err(invalid("There is no `query`. Send a GraphQL document.".to_owned())),
        };
        let variables = Variables::from_json(serde_json::Value::Object(variables));
        let passed = self.admit(&query, operation_name.as_deref(), &variables, address);
        let Passed { document, kind, .. } = passed.map_err(|refused| match refused {
            NotAdmitted::Invalid(error) => NotPrepared::Invalid(Payload::refusal(error)),
            NotAdmitted::TooOften(wait) => NotPrepared::TooOften(wait),
        })?;
        // Only what has passed: what is kept is executed again by whoever knows its hash.
        if let Some(hash) = hash {
            self.persisted.keep(hash, &query);
        }
        let is_public = live::is_public(&document, operation_name.as_deref());
        let mut request = Request::new(query).variables(variables);
        request.operation_name = operation_name;
        request.set_parsed_query(document);
        Ok(Prepared { request, kind, is_public })
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

    /// Executes a query or a mutation.
    pub async fn execute(&self, prepared: Prepared, context: RequestContext) -> Payload {
        let request_id = context.request_id.clone();
        let mut request = prepared.request;
        request.data = context.into_data();
        request.data.insert(self.started_at());
        Payload::of(&mask::masked(self.schema.execute(request).await, &request_id))
    }
}

#[cfg(test)]
mod tests;
