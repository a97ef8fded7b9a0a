//! `/graphql`: operations by POST and GET (GraphQL over HTTP), answered once or in a stream, and the way to a WebSocket.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::accept::{Accepted, MediaType, StreamType, is_json};
use super::caller::{credentials, recognize, verify};
use super::client_address::client_address;
use super::layers::request_id;
use super::problem::Problem;
use super::stream::streamed;
use super::{HttpState, request, socket};
use crate::auth::{Verified, from_header};
use crate::graphql::execute::{ClientAddress, NotPrepared, RequestContext, Transport};
use crate::graphql::mask::Code;
use crate::graphql::operation::{Operation, OperationKind};
use crate::graphql::prepared::Prepared;
use crate::graphql::responses::{Payload, Responses};
use crate::throttle::Demand;

/// How many headers an answer has.
const ALL_HEADERS: usize = 12;

/// An operation in the body.
pub(super) async fn post(
    State(state): State<HttpState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let address = client_address(&state.settings.proxies, peer, &parts.headers);
    let accepted = match accepted(&parts.headers) {
        Ok(accepted) => accepted,
        Err(problem) => return problem.into_response(),
    };
    let answer = async {
        // Whoever may not is told before the body is read.
        let asking = Asking::new(&state, address, &parts.headers, Transport::Post).await?;
        let body = request::json_body(&parts.headers, body, state.settings.body_limit).await;
        if let (Ok(body), Some(media_type)) = (&body, asking.public_form(accepted))
            && let Some(answer) = state.engine.kept_as_sent(body, address)?
        {
            return Ok(single(media_type, &answer));
        }
        // What is asked for again and again is answered by now: it need not take along the room that the rest wants.
        Box::pin(asking.answer(body.and_then(request::from_body), accepted)).await
    };
    finished(answer.await, accepted)
}

/// A query in the address, or a WebSocket.
pub(super) async fn get(
    State(state): State<HttpState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let address = client_address(&state.settings.proxies, peer, &parts.headers);
    if wants_socket(&parts.headers) {
        return socket::open(&state, address, request_id(&parts.headers), &mut parts).await;
    }
    let accepted = match accepted(&parts.headers) {
        Ok(accepted) => accepted,
        Err(problem) => return problem.into_response(),
    };
    finished(answer_get(&state, address, &parts, accepted).await, accepted)
}

async fn answer_get(
    state: &HttpState,
    address: ClientAddress,
    parts: &Parts,
    accepted: Accepted,
) -> Result<Response, Problem> {
    // A form of another site's could set these without asking.
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    if content_type.is_some_and(|value| !value.to_str().is_ok_and(is_json)) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::BadUserInput,
            "A GET has no body: leave out `Content-Type`.",
        ));
    }
    let asking = Asking::new(state, address, &parts.headers, Transport::Get).await?;
    asking.answer(request::from_query_string(parts.uri.query().unwrap_or_default()), accepted).await
}

/// Other methods than GET and POST.
pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Code::BadUserInput,
        "Send operations by POST, or queries by GET as well.",
    )
    .with_header(header::ALLOW, HeaderValue::from_static("GET, POST"))
}

/// The schema in the schema definition language.
pub(super) async fn schema(State(state): State<HttpState>) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, state.engine.sdl().to_owned()).into_response()
}

/// A client that may ask, as far as that can be told without asking the database.
struct Asking<'a> {
    state: &'a HttpState,
    address: ClientAddress,
    headers: &'a HeaderMap,
    transport: Transport,
    verified: Option<Verified>,
}

impl<'a> Asking<'a> {
    async fn new(
        state: &'a HttpState,
        address: ClientAddress,
        headers: &'a HeaderMap,
        transport: Transport,
    ) -> Result<Self, Problem> {
        state.throttle.may_ask(address.0)?;
        let verified = verify(state, address, from_header(headers)).await;
        let verified = verified.map_err(|unknown| unknown.into_problem(headers))?;
        Ok(Self { state, address, headers, transport, verified })
    }

    /// The form in which they are given what is public and kept, without a further look: whoever shows no token is nobody in
    /// particular. `None`: it has to be looked at who they are, or they want a stream.
    fn public_form(&self, accepted: Accepted) -> Option<MediaType> {
        match form(accepted, None) {
            Form::Single(media_type) if self.verified.is_none() => Some(media_type),
            _ => None,
        }
    }

    /// The answer to an operation, or to what was to be one.
    async fn answer(self, operation: Result<Operation, Problem>, accepted: Accepted) -> Result<Response, Problem> {
        let public_form = self.public_form(accepted);
        let Self { state, address, headers, transport, verified } = self;
        let operation = match operation {
            Ok(operation) => operation,
            Err(problem) => {
                // As much as a query: otherwise being wrong would be free.
                state.throttle.admit(address.0, &Demand::QUERY)?;
                return Err(problem);
            }
        };
        if let Some(media_type) = public_form
            && let Some(answer) = state.engine.kept(&operation, address)?
        {
            return Ok(single(media_type, &answer));
        }
        let prepared = match state.engine.prepare(operation, address) {
            Ok(prepared) => prepared,
            Err(NotPrepared::Invalid(refusal)) => {
                return Ok(match form(accepted, None) {
                    Form::Single(media_type) => single(media_type, &refusal),
                    Form::Stream(form) => stream(state, form, Responses::only(refusal)),
                });
            }
            Err(NotPrepared::UnknownDocument(unknown)) => {
                // Clients that send the document along next time take no other status for an answer.
                return Ok(match form(accepted, None) {
                    Form::Single(media_type) => with_status(StatusCode::OK, media_type, &unknown),
                    Form::Stream(form) => stream(state, form, Responses::only(unknown)),
                });
            }
            Err(NotPrepared::TooOften(wait)) => return Err(wait.into()),
        };
        allowed(&prepared, transport)?;
        let form = form(accepted, Some(prepared.kind()));
        let caller = recognize(state, verified.as_ref()).await;
        let caller = caller.map_err(|unknown| unknown.into_problem(headers))?;
        let context = RequestContext { caller, address, request_id: request_id(headers), transport };
        match form {
            Form::Single(_) if prepared.kind() == OperationKind::Subscription => Err(Problem::bad_request(
                "Subscriptions come over a WebSocket: connect to this address with the subprotocol \
                 graphql-transport-ws. Or accept text/event-stream, or multipart/mixed;subscriptionSpec=1.0.",
            )),
            Form::Single(media_type) => Ok(single(media_type, &state.engine.execute(prepared, context).await)),
            Form::Stream(form) => {
                let responses = state.engine.respond(prepared, context, credentials(state, verified));
                Ok(stream(state, form, responses))
            }
        }
    }
}

/// In which form an answer is given.
enum Form {
    Single(MediaType),
    Stream(StreamType),
}

/// The form for an operation of this kind; `None`: nobody knows of which.
fn form(accepted: Accepted, kind: Option<OperationKind>) -> Form {
    let Accepted { single, stream, prefers_events } = accepted;
    let wants_stream = prefers_events || single.is_none() || kind == Some(OperationKind::Subscription);
    match (stream.filter(|_| wants_stream), single) {
        (Some(stream), _) => Form::Stream(stream),
        (None, single) => Form::Single(single.unwrap_or(MediaType::Json)),
    }
}

fn single(media_type: MediaType, answer: &Payload) -> Response {
    let status = match (media_type, answer) {
        (MediaType::GraphqlResponse, Payload::Refused(_)) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    with_status(status, media_type, answer)
}

fn with_status(status: StatusCode, media_type: MediaType, answer: &Payload) -> Response {
    let mut response = Response::new(Body::from(answer.response()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // With room for those that are added later, as well.
    headers.reserve(ALL_HEADERS);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn stream(state: &HttpState, form: StreamType, responses: Responses) -> Response {
    streamed(form, responses, state.shutdown.clone())
}

/// Whether this kind of operation can come this way.
fn allowed(prepared: &Prepared, transport: Transport) -> Result<(), Problem> {
    match (prepared.kind(), transport) {
        (OperationKind::Mutation, Transport::Get) => Err(Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            Code::BadUserInput,
            "A GET changes nothing: send mutations by POST.",
        )
        .with_header(header::ALLOW, HeaderValue::from_static("POST"))),
        _ => Ok(()),
    }
}

fn finished(answer: Result<Response, Problem>, accepted: Accepted) -> Response {
    let media_type = accepted.single.unwrap_or(MediaType::Json);
    let mut response = answer.unwrap_or_else(|problem| problem.with_media_type(media_type).into_response());
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    response
}

fn accepted(headers: &HeaderMap) -> Result<Accepted, Problem> {
    Accepted::read(headers).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_ACCEPTABLE,
            Code::BadUserInput,
            "Accept application/graphql-response+json or application/json; for subscriptions text/event-stream or \
             multipart/mixed;subscriptionSpec=1.0.",
        )
        .with_header(header::VARY, HeaderValue::from_static("accept"))
    })
}

fn wants_socket(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|name| name.trim().eq_ignore_ascii_case("websocket")))
}
