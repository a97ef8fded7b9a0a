//! What comes of an operation, one response after the other, whatever transport carries it.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_graphql::{Response, ServerError};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, Stream, StreamExt as _};

use super::execute::{ClientAddress, Engine, RequestContext, RequestId, count};
use super::live::{LivePart, LiveWatcher};
use super::mask;
use super::operation::OperationKind;
use super::prepared::{Prepared, Sharing};
use super::written;
use crate::metrics::Metrics;
use crate::service::credentials::Credentials;
use crate::throttle::{Place, TRY_AGAIN};

/// One response to an operation, as JSON. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// What it came to: the whole response.
    Executed(Bytes),
    /// It was not executed, or nothing more can come of it: the list of errors that says why.
    Refused(Bytes),
}

impl Payload {
    /// `response`, which is masked.
    pub(super) fn of(response: &Response) -> Self {
        let written = if mask::is_request_error(response) {
            serde_json::to_vec(&response.errors).map(|errors| Self::Refused(errors.into()))
        } else {
            written::to_vec(response).map(|response| Self::Executed(response.into()))
        };
        written.unwrap_or_else(|error| {
            tracing::error!(%error, "a response could not be written as JSON");
            Self::Refused(Bytes::from_static(mask::FAULT_ERRORS))
        })
    }

    /// The errors why nothing comes of an operation.
    pub(super) fn refusal(error: ServerError) -> Self {
        Self::of(&Response::from_errors(vec![error]))
    }

    /// The whole response. The specification wants no `data` at all in the answer to what was not executed.
    #[must_use]
    pub fn response(&self) -> Bytes {
        match self {
            Self::Executed(response) => response.clone(),
            Self::Refused(errors) => [b"{\"errors\":", &errors[..], b"}"].concat().into(),
        }
    }
}

/// The responses to one operation as they come. Ends when the operation does; dropping it ends the operation.
pub struct Responses(Source);

enum Source {
    /// They are there.
    Ready(VecDeque<Payload>),
    /// This operation's own.
    Own(BoxStream<'static, Payload>),
    /// A live query's, which others may watch as well.
    Shared {
        watcher: Box<LiveWatcher>,
        /// Taken as long as it watches.
        _place: Place,
    },
}

impl Responses {
    /// Just one.
    #[must_use]
    pub fn only(payload: Payload) -> Self {
        Self(Source::Ready([payload].into()))
    }
}

impl Stream for Responses {
    type Item = Payload;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Payload>> {
        match &mut self.0 {
            Source::Ready(payloads) => Poll::Ready(payloads.pop_front()),
            Source::Own(payloads) => {
                let payload = ready!(payloads.poll_next_unpin(cx));
                if matches!(payload, Some(Payload::Refused(_))) {
                    // Nothing more comes of it.
                    self.0 = Source::Ready(VecDeque::new());
                }
                Poll::Ready(payload)
            }
            Source::Shared { watcher, .. } => watcher.poll_next_unpin(cx),
        }
    }
}

impl Engine {
    /// Begins an operation of any kind, and gives what comes of it. `credentials` vouch for the caller as long as it goes
    /// on.
    #[must_use]
    pub fn respond(&self, prepared: Prepared, context: RequestContext, credentials: Credentials) -> Responses {
        if prepared.kind() != OperationKind::Subscription {
            let (engine, request_id) = (self.clone(), context.request_id.clone());
            let answer = async move {
                let answer = AssertUnwindSafe(engine.execute(prepared, context)).catch_unwind().await;
                answer.unwrap_or_else(|_panic| Payload::of(&mask::panicked(&request_id)))
            };
            return Responses(Source::Own(stream::once(answer).boxed()));
        }
        let place = match self.place(context.address) {
            Ok(place) => place,
            Err(refusal) => return Responses::only(self.refusal(refusal)),
        };
        if prepared.sharing != Sharing::Live {
            return Responses(Source::Own(self.own(prepared, context, (credentials, place))));
        }
        let (key, fields) = (prepared.key(&context.caller), prepared.fields);
        let start = |part: LivePart| {
            let request_id = context.request_id.clone();
            let context = RequestContext { caller: key.caller(), ..context };
            let mut request = self.request(prepared.request, context);
            request.data.insert(part);
            (self.schema.stream(request), request_id)
        };
        Responses(Source::Shared { watcher: Box::new(self.live.watch(&key, fields, start)), _place: place })
    }

    /// A subscription that is executed for one client alone.
    fn own(
        &self,
        prepared: Prepared,
        context: RequestContext,
        (credentials, place): (Credentials, Place),
    ) -> BoxStream<'static, Payload> {
        let Prepared { request, fields, .. } = prepared;
        let request_id = context.request_id.clone();
        let mut request = self.request(request, context);
        request.data.insert(credentials);
        payloads(self.schema.stream(request), request_id, (Arc::clone(&self.metrics), fields))
            .map(move |payload| {
                let _taken = &place;
                payload
            })
            .boxed()
    }

    /// How many live queries are shared.
    #[must_use]
    pub fn live_queries(&self) -> usize {
        self.live.len()
    }

    /// A place for a subscription.
    pub(super) fn place(&self, ClientAddress(address): ClientAddress) -> Result<Place, ServerError> {
        self.throttle.subscription(address).map_err(|full| {
            let message = format!("{} subscriptions run from your address already. Complete some of them.", full.most);
            mask::too_often(message, TRY_AGAIN)
        })
    }
}

/// `responses`, masked, counted as those to an operation that asks for some fields, and written. A panic ends its own
/// operation only.
pub(super) fn payloads(
    responses: BoxStream<'static, Response>,
    request_id: RequestId,
    counted: (Arc<Metrics>, Vec<String>),
) -> impl Stream<Item = Payload> + Send + 'static {
    stream::unfold(Some((responses, request_id, counted)), |state| async {
        let (mut responses, request_id, (metrics, fields)) = state?;
        match AssertUnwindSafe(responses.next()).catch_unwind().await {
            Ok(response) => {
                let response = mask::masked(response?, &request_id);
                count(&metrics, &response, &fields);
                Some((Payload::of(&response), Some((responses, request_id, (metrics, fields)))))
            }
            Err(_panic) => Some((Payload::of(&mask::panicked(&request_id)), None)),
        }
    })
}
