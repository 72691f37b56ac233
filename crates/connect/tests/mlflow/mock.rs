//! An MLflow server of our own, in memory: as the recorded ones where it matters to a client, and on request slow, lossy,
//! broken or hostile. It also plays a workspace of Databricks.

#[path = "mock/answer.rs"]
mod answer;
#[path = "mock/store.rs"]
mod store;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State as AxumState};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;
use serde_json::{Value, json};

pub(crate) use answer::Answer;
pub(crate) use store::Store;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// HTTP 500, nothing is done.
    Failed,
    /// HTTP 429 with `Retry-After`, nothing is done.
    TooMany,
    /// The connection breaks before anything is done.
    LostRequest,
    /// It is done, then the connection breaks.
    LostAnswer,
    /// It is done, then half of the answer is sent.
    HalfAnswer,
    /// The answer comes late.
    Slow,
}

impl Fault {
    pub(crate) const ALL: [Self; 6] =
        [Self::Failed, Self::TooMany, Self::LostRequest, Self::LostAnswer, Self::HalfAnswer, Self::Slow];
}

/// The server and how it behaves.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) store: Store,
    /// What goes wrong with the next requests, one each.
    pub(crate) faults: VecDeque<Option<Fault>>,
    /// What goes wrong with all others.
    pub(crate) always: Option<Fault>,
    /// Method and path of every request so far.
    pub(crate) requests: Vec<String>,
    /// `Authorization` that requests must carry.
    pub(crate) authorization: Option<String>,
    /// Bytes of files that go out instead of what is there, by the end of their path.
    pub(crate) replaced: BTreeMap<String, Vec<u8>>,
    /// Requests that no server would have taken.
    pub(crate) violations: Vec<String>,
}

/// A running server.
pub(crate) struct MockServer {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    _runtime: tokio::runtime::Runtime,
}

impl MockServer {
    /// Starts an empty server on a free port, in threads of its own.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        state.lock().unwrap().store.own_url.clone_from(&url);
        let app = Router::new().fallback(handle).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(&state));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { url, state, _runtime: runtime }
    }

    /// What the server knows and how it behaves.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Requests whose method and path contain the text.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.state().requests.iter().filter(|request| request.contains(text)).count()
    }
}

async fn handle(
    AxumState(state): AxumState<Arc<Mutex<State>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (fault, answer) = {
        let mut state = state.lock().unwrap();
        state.requests.push(format!("{method} {}", uri.path()));
        let fault = state.faults.pop_front().unwrap_or(state.always);
        let early = match fault {
            Some(Fault::Failed) => Some(Answer::text(500, "<h1>Internal Server Error</h1>")),
            Some(Fault::TooMany) => Some(Answer::text(429, "too many")),
            Some(Fault::LostRequest) => None,
            _ => Some(answer(&mut state, &method, &uri, &headers, &body)),
        };
        (fault, early)
    };
    if fault == Some(Fault::Slow) {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let broken = || Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(io::Error::other("broken"))]));
    let Some(answer) = answer else { return Response::new(broken()) };
    let mut response = Response::builder().status(answer.status).header(header::CONTENT_TYPE, answer.content_type);
    if fault == Some(Fault::TooMany) {
        response = response.header(header::RETRY_AFTER, "0");
    }
    let body = match fault {
        Some(Fault::LostAnswer) => broken(),
        Some(Fault::HalfAnswer) => {
            response = response.header(header::CONTENT_LENGTH, answer.body.len() + 1);
            let half = Bytes::from(answer.body[..answer.body.len() / 2].to_vec());
            Body::from_stream(futures_util::stream::iter([Ok(half), Err(io::Error::other("broken"))]))
        }
        _ => Body::from(answer.body),
    };
    response.body(body).unwrap()
}

fn answer(state: &mut State, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Answer {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if uri.path().starts_with("/signed/") && sent.is_some() {
        state.violations.push("our token went to a storage".to_owned());
    }
    let wanted = state.authorization.as_deref().filter(|_| !uri.path().starts_with("/signed/"));
    if wanted.is_some_and(|wanted| sent != Some(wanted)) {
        return Answer::text(401, "");
    }
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let path = uri.path();
    if let Some(file) = path.strip_prefix("/api/2.0/mlflow-artifacts/artifacts/") {
        return files(state, method, file, body);
    }
    if let Some(file) = path.strip_prefix("/api/2.0/fs/files/Models/") {
        return files(state, method, &format!("Models/{file}"), body);
    }
    if let Some(file) = path.strip_prefix("/signed/") {
        return files(state, method, file, body);
    }
    match path {
        "/api/2.0/mlflow-artifacts/artifacts" => return state.store.list(&query["path"]),
        "/model-versions/get-artifact" => {
            let file = format!("elsewhere/{}/{}/{}", query["name"], query["version"], query["path"]);
            return files(state, method, &file, body);
        }
        _ => {}
    }
    let Some(operation) = path.strip_prefix("/api/2.0/mlflow/") else { return Answer::missing_page() };
    let input = if body.is_empty() { Ok(json!(query)) } else { serde_json::from_slice::<Value>(body) };
    let Ok(input) = input else {
        return Answer::error(400, "INVALID_PARAMETER_VALUE", "Missing value for required parameter");
    };
    state.store.call(method, operation, &input)
}

fn files(state: &mut State, method: &Method, file: &str, body: &[u8]) -> Answer {
    if file.split('/').any(|part| part == "..") {
        return Answer::error(400, "INVALID_PARAMETER_VALUE", "Invalid path");
    }
    let answer = state.store.file(method, file, body);
    match state.replaced.iter().find(|(end, _)| *method == Method::GET && file.ends_with(*end)) {
        Some((_, bytes)) => Answer { body: bytes.clone(), ..answer },
        None => answer,
    }
}
