//! Publishing to and pulling from an MLflow server of our own, which behaves as the recorded ones do and misbehaves on
//! request.

#![cfg(test)]

#[path = "mlflow/faults.rs"]
mod faults;
#[path = "mlflow/mock.rs"]
mod mock;
#[path = "mlflow/publishing.rs"]
mod publishing;
#[path = "mlflow/pulling.rs"]
mod pulling;
#[path = "mlflow/recordings.rs"]
mod recordings;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mock::MockServer;
use slirec_connect::mlflow::{
    Artifact, Client, Connection, Content, Metric, MlflowError, Publication, Published, Transfer, publish,
};
use slirec_core::bundle::{MANIFEST, Manifest};

const MODEL: &str = "slirec_shopify_model";

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo")
}

/// Names of the demo's files, with its manifest.
fn demo_files() -> impl Iterator<Item = &'static str> {
    let (manifest, _) = Manifest::read(&demo()).unwrap();
    manifest.file_names().chain([MANIFEST]).collect::<Vec<_>>().into_iter()
}

/// Waits for a future in a runtime of its own.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(future)
}

fn client_with(server: &MockServer, variables: &[(&str, &str)]) -> Client {
    let variable =
        |name: &str| variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned());
    let mut connection = Connection::from_variables(Some(&server.url), &variable).unwrap();
    connection.first_pause = Duration::from_millis(5);
    connection.timeout = Duration::from_millis(150);
    Client::new(connection).unwrap()
}

fn client(server: &MockServer) -> Client {
    client_with(server, &[])
}

fn silent() -> Transfer {
    Arc::new(|_, _| ())
}

/// The demo bundle with a graph that need not be one.
fn publication() -> Publication {
    let (manifest, bundle_sha256) = Manifest::read(&demo()).unwrap();
    let file = |name: &str| Artifact { path: format!("bundle/{name}"), content: Content::File(demo().join(name)) };
    let graph = Artifact { path: "data/model.onnx".to_owned(), content: Content::Bytes(vec![7; 700_000]) };
    let text = str::to_owned;
    Publication {
        model: text(MODEL),
        aliases: vec![text("champion")],
        experiment: text("slirec"),
        run_name: text("demo"),
        run_id: None,
        bundle_sha256,
        signature: None,
        created: (manifest.created, 1_732_406_400_000),
        parameters: (0..130).map(|number| (format!("model.p{number}"), number.to_string())).collect(),
        metrics: (0..3).map(|step| Metric { name: text("valid/ndcg@10"), value: 0.1, step }).collect(),
        tags: vec![(text("seed"), text("42"))],
        description: text("the demo"),
        example: (vec![text("novel")], vec![text("1730807061")]),
        users: Vec::new(),
        model_files: demo_files().map(file).chain([graph]).collect(),
        reports: vec![Artifact { path: text("report.html"), content: Content::Bytes(b"<p>".to_vec()) }],
    }
}

fn published(client: &Client) -> Result<Published, MlflowError> {
    wait(publish(client, &publication(), &silent()))
}

/// Files with the bytes that were told of them.
type Told = Arc<Mutex<Vec<(String, u64)>>>;

/// What is told of transfers.
fn listening() -> (Transfer, Told) {
    let told = Told::default();
    let heard = Arc::clone(&told);
    (Arc::new(move |file: &str, bytes| heard.lock().unwrap().push((file.to_owned(), bytes))), told)
}
