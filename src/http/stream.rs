//! Several answers, one after the other, in one response: where WebSockets fail, and where a client asks for that.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::header::{self, HeaderName};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::accept::StreamType;
use crate::graphql::responses::Responses;

/// How often something is sent where there is nothing to tell: proxies close what is silent for long, and a client that
/// has gone without a word is found out by it.
const SIGN_OF_LIFE: Duration = Duration::from_secs(12);
/// Tells nginx and its like to pass on what comes as it comes.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How answers are written in a form.
struct Form {
    content_type: &'static str,
    before_all: &'static str,
    before: &'static str,
    after: &'static str,
    silence: &'static str,
    end: &'static str,
}

/// Server-Sent Events (WHATWG HTML, 9.2) in the distinct connections mode of the package graphql-sse.
const EVENTS: Form = Form {
    content_type: "text/event-stream; charset=utf-8",
    // So that whoever waits knows at once that it is there.
    before_all: ":\n\n",
    before: "event: next\ndata: ",
    after: "\n\n",
    silence: ":\n\n",
    end: "event: complete\ndata:\n\n",
};

/// Parts, as Apollo's protocol for subscriptions has them. The delimiter comes right after each part: clients take a part
/// for complete only when they see it.
const PARTS: Form = Form {
    content_type: "multipart/mixed;boundary=\"graphql\";subscriptionSpec=\"1.0\"",
    before_all: "\r\n--graphql",
    before: "\r\nContent-Type: application/json\r\n\r\n{\"payload\":",
    after: "}\r\n--graphql",
    silence: "\r\nContent-Type: application/json\r\n\r\n{}\r\n--graphql",
    end: "--\r\n",
};

/// What is written next.
enum Next {
    Answer(Bytes),
    Silence,
    End,
}

/// `responses` as they come, until there are no more or the server stops.
pub(super) fn streamed(form: StreamType, responses: Responses, shutdown: CancellationToken) -> Response {
    let form = match form {
        StreamType::Events => &EVENTS,
        StreamType::Multipart => &PARTS,
    };
    let first = stream::once(async { Bytes::from_static(form.before_all.as_bytes()) });
    let pieces = first.chain(nexts(responses, shutdown).map(|next| written(form, &next)));
    let headers = [(header::CONTENT_TYPE, form.content_type), (header::CACHE_CONTROL, "no-store"), (UNBUFFERED, "no")];
    (headers, Body::from_stream(pieces.map(Ok::<_, std::convert::Infallible>))).into_response()
}

fn nexts(responses: Responses, shutdown: CancellationToken) -> impl Stream<Item = Next> + Send {
    let mut silence = interval(SIGN_OF_LIFE);
    silence.reset();
    silence.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream::unfold(Some((responses, silence, shutdown)), |state| async {
        let (mut responses, mut silence, shutdown) = state?;
        let next = tokio::select! {
            payload = responses.next() => payload.map(|payload| Next::Answer(payload.response())),
            () = shutdown.cancelled() => None,
            _ = silence.tick() => Some(Next::Silence),
        };
        Some(match next {
            Some(next) => {
                silence.reset();
                (next, Some((responses, silence, shutdown)))
            }
            None => (Next::End, None),
        })
    })
}

fn written(form: &'static Form, next: &Next) -> Bytes {
    match next {
        // JSON as it is written here has no line breaks.
        Next::Answer(answer) => [form.before.as_bytes(), answer, form.after.as_bytes()].concat().into(),
        Next::Silence => Bytes::from_static(form.silence.as_bytes()),
        Next::End => Bytes::from_static(form.end.as_bytes()),
    }
}
