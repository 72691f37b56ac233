//! A server that fails, loses and delays: whatever is lost, nothing is published twice, and the next try goes on.

use std::collections::VecDeque;

use slirec_connect::mlflow::{RunLog, RunStatus, publish, pull};

use crate::mock::{Fault, MockServer};
use crate::{MODEL, client, publication, published, silent, wait};

/// Requests of a publication without faults.
fn requests() -> usize {
    let server = MockServer::start();
    published(&client(&server)).unwrap();
    server.state().requests.len()
}

#[test]
fn one_fault_at_any_request_changes_nothing_that_is_published() {
    for fault in Fault::ALL {
        for at in 0..requests() {
            let server = MockServer::start();
            server.state().faults = std::iter::repeat_n(None, at).chain([Some(fault)]).collect();
            let version = published(&client(&server)).unwrap_or_else(|error| panic!("{fault:?} at {at}: {error}"));
            let state = server.state();
            assert_eq!(version.version, "1", "{fault:?} at {at}");
            assert_eq!(state.store.models[MODEL].versions.len(), 1, "{fault:?} at {at}");
            assert_eq!(state.store.runs[&version.run_id].status, "FINISHED", "{fault:?} at {at}");
        }
    }
}

#[test]
fn an_upload_that_broke_off_goes_on_with_what_is_missing() {
    let server = MockServer::start();
    let until = requests() / 2;
    server.state().faults = std::iter::repeat_n(None, until).collect();
    server.state().always = Some(Fault::LostRequest);
    let error = published(&client(&server)).unwrap_err().to_string();
    assert!(error.contains("no answer from the MLflow server after 4 tries"), "{error}");
    let before = server.state().store.files.len();
    let runs = server.state().store.runs.len();
    assert!(before > 1);
    server.state().always = None;
    server.state().requests.clear();
    published(&client(&server)).unwrap();
    assert_eq!(server.state().store.runs.len(), runs, "the run is gone on with");
    let all = server.state().store.files.len();
    // The report has no place in the model and is sent again, as is `MLmodel`.
    assert!(server.count("PUT ") <= all - before + 2, "{} of {all}, {before} were there", server.count("PUT "));
}

#[test]
fn a_server_that_stays_down_is_an_error_that_says_what_was_asked() {
    let server = MockServer::start();
    for (fault, words) in [(Fault::Failed, "HTTP 500"), (Fault::Slow, "timed out"), (Fault::TooMany, "HTTP 429")] {
        server.state().always = Some(fault);
        let error = published(&client(&server)).unwrap_err().to_string();
        assert!(error.contains("registered-models/create: no answer") && error.contains(words), "{error}");
    }
}

#[test]
fn a_bundle_comes_through_any_single_fault() {
    let server = MockServer::start();
    published(&client(&server)).unwrap();
    let client = client(&server);
    let folder = tempfile::tempdir().unwrap();
    for (number, fault) in Fault::ALL.into_iter().enumerate() {
        for at in 0..8 {
            server.state().faults = std::iter::repeat_n(None, at).chain([Some(fault)]).collect::<VecDeque<_>>();
            let target = folder.path().join(format!("{number}-{at}"));
            let pulled = wait(async {
                let version = client.resolve(&format!("models:/{MODEL}@champion").parse().unwrap()).await?;
                pull(&client, MODEL, &version, &target, false, None, &silent()).await
            });
            assert!(pulled.is_ok(), "{fault:?} at {at}: {pulled:?}");
        }
    }
}

#[test]
fn a_training_that_is_logged_live_survives_lost_answers() {
    let server = MockServer::start();
    let client = client(&server);
    let text = str::to_owned;
    let metric = |step| slirec_connect::mlflow::Metric { name: text("valid/auc"), value: f64::NAN, step };
    server.state().faults =
        VecDeque::from([Some(Fault::LostAnswer), Some(Fault::HalfAnswer), None, Some(Fault::Failed)]);
    let id = wait(async {
        let log = RunLog::start(&client, "slirec", "run", None, &[(text("seed"), text("42"))], &[]).await.unwrap();
        log.log(&[metric(0), metric(1)]).await.unwrap();
        log.id().to_owned()
    });
    wait(async {
        let log = RunLog::start(&client, "slirec", "run", Some(&id), &[], &[]).await.unwrap();
        log.log(&[metric(1), metric(2)]).await.unwrap();
        log.finish(RunStatus::Killed).await.unwrap();
    });
    let state = server.state();
    let run = &state.store.runs[&id];
    assert_eq!((run.metrics.len(), run.status.as_str(), run.parameters["seed"].as_str()), (3, "KILLED", "42"));
    assert_eq!(run.metrics[&("valid/auc".to_owned(), 2)], "NaN");
    drop(state);
    let mut publication = publication();
    publication.run_id = Some(id);
    assert_eq!(wait(publish(&client, &publication, &silent())).unwrap().version, "1");
}
