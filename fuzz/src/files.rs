//! Files of a bundle and of the original: bytes enter that pretend to be one.

use std::path::Path;
use std::sync::LazyLock;

use slirec_connect::pickle;
use slirec_core::activity::Activity;
use slirec_core::bundle::{Bundle, Manifest};
use slirec_core::catalog::Catalog;
use slirec_core::vocabulary::{KnownUsers, UserFeature, UserValues, Vocabulary};
use slirec_merchandising::Columns;

use super::{choose, file, said};

static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| Bundle::read(&file("tests/fixtures/bundle_v1")).unwrap());

/// A pickle.
pub fn pickle(data: &[u8]) {
    if let Err(error) = pickle::read(data) {
        said(&error);
    }
}

/// One graph of a bundle whose others are whole; the first byte says which.
pub fn onnx(data: &[u8]) {
    let Some((graph, bytes)) = choose(data, &[0, 1, 2]) else { return };
    let mut bundle = BUNDLE.clone();
    let place = match graph {
        0 => &mut bundle.candidates_graph,
        1 => &mut bundle.history_graph,
        _ => &mut bundle.scores_graph,
    };
    *place = bytes.to_vec();
    if let Err(error) = slirec_engine::check_graphs(&bundle) {
        said(&error);
    }
}

/// A manifest, a vocabulary, counts or known users; the first byte says which. What was read is the same when it is written
/// and read again.
pub fn manifest(data: &[u8]) {
    let Some((kind, bytes)) = choose(data, &[0, 1, 2, 3]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.json");
    match kind {
        0 => {
            std::fs::write(folder.path().join("manifest.json"), bytes).unwrap();
            if let Err(error) = Manifest::read(folder.path()) {
                said(&error);
            }
        }
        1 => match Vocabulary::parse(bytes, Path::new("vocabulary.json")) {
            Ok(vocabulary) => {
                vocabulary.write(&path).unwrap();
                assert_eq!(Vocabulary::read(&path).unwrap().items(), vocabulary.items());
            }
            Err(error) => said(&error),
        },
        2 => match Activity::parse(bytes, 8, Path::new("activity.json")) {
            Ok(activity) => {
                activity.write(&path).unwrap();
                let again = Activity::parse(&std::fs::read(&path).unwrap(), 8, &path).unwrap();
                assert_eq!(again, activity);
            }
            Err(error) => said(&error),
        },
        _ => match KnownUsers::parse(bytes.to_vec(), &user_features(), Path::new("users.bin")) {
            Ok(users) => {
                users.write(&path).unwrap();
                let again = KnownUsers::parse(std::fs::read(&path).unwrap(), &user_features(), &path).unwrap();
                assert_eq!(again, users);
                users.ids("ada");
            }
            Err(error) => said(&error),
        },
    }
}

/// A text and a number.
fn user_features() -> [UserFeature; 2] {
    let countries = ["DE", "FR"].map(str::to_owned).to_vec();
    let country = UserFeature::new("country", UserValues::Texts(countries));
    [country, UserFeature::new("age", UserValues::Bounds(vec![20.0, 30.0]))]
}

/// A catalogue: its columns, and the same when it is written and read again.
pub fn catalogue(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let catalog = match Catalog::parse(text, Path::new("catalog.json")) {
        Ok(catalog) => catalog,
        Err(error) => return said(&error),
    };
    Columns::new(&catalog);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.json");
    catalog.write(&path).unwrap();
    assert_eq!(Catalog::read(&path).unwrap().products(), catalog.products());
}
