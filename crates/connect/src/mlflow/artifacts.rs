//! Files of runs and versions: a place that a server names enters; files leave for it, or come from it, in pieces, so that
//! their size does not matter to memory.
//!
//! | place | how |
//! |---|---|
//! | `mlflow-artifacts:/…` | the tracking server hands files through, `/api/2.0/mlflow-artifacts/artifacts/…` |
//! | any other, of a version | the tracking server reads for us, `/model-versions/get-artifact` |
//! | a version in Unity Catalog | the Files API, `/api/2.0/fs/files/Models/…` |
//! | a run of Databricks | addresses that are signed for one file each |

mod location;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Body, Method, RequestBuilder};
use serde::Deserialize;
use serde_json::json;
use slirec_core::files::FileError;
use tokio::io::AsyncReadExt;
use url::Url;

use super::client::{Client, Failure, Repeat, Tries};
use super::error::MlflowError;
use crate::http::causes;
pub(super) use location::Location;

/// Bytes of a file that are in memory at a time.
const PIECE: usize = 1 << 18;

/// How far the transfer of a file is; called for every piece.
pub type Transfer = Arc<dyn Fn(&str, u64) + Send + Sync>;

/// Bytes to upload.
#[derive(Debug, Clone)]
pub enum Content {
    /// In memory.
    Bytes(Vec<u8>),
    /// A file, read while it is sent.
    File(PathBuf),
}

/// A file to upload.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its path, `/` between folders.
    pub path: String,
    /// Its bytes.
    pub content: Content,
}

impl Content {
    /// Bytes that it has.
    ///
    /// # Errors
    /// When the file cannot be looked at.
    pub fn length(&self) -> Result<u64, FileError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(path) => Ok(std::fs::metadata(path).map_err(FileError::io("read", path))?.len()),
        }
    }
}

impl Client {
    /// Writes a file, streamed and from the start at each try. MLflow and Databricks show it when it is whole.
    pub(super) async fn upload(
        &self,
        location: &Location,
        file: &str,
        content: &Content,
        tell: &Transfer,
    ) -> Result<(), MlflowError> {
        let operation = format!("upload of {file}");
        let mut tries = Tries::new(&operation, Repeat::Harmless);
        loop {
            let (body, length) = body(file, content, tell).await?;
            let request = match self.file_url(location, file) {
                Some(mut url) => {
                    if matches!(location, Location::UnityCatalog { .. }) {
                        url.query_pairs_mut().append_pair("overwrite", "true");
                    }
                    self.request(Method::PUT, url).header(CONTENT_TYPE, "application/octet-stream")
                }
                None => self.signed_request(location, file).await?,
            };
            match self.send(&operation, request.header(CONTENT_LENGTH, length).body(body)).await {
                Ok(_) => return Ok(()),
                Err(failure) => tries.wait(self, failure).await?,
            }
        }
    }

    /// A request to an address that Databricks signed for this file.
    async fn signed_request(&self, location: &Location, file: &str) -> Result<RequestBuilder, MlflowError> {
        #[derive(Deserialize)]
        struct Answer {
            credential_infos: Vec<Signed>,
        }
        #[derive(Deserialize)]
        struct Signed {
            signed_uri: String,
            #[serde(rename = "type", default)]
            kind: String,
            #[serde(default)]
            headers: Vec<Header>,
        }
        #[derive(Deserialize)]
        struct Header {
            name: String,
            value: String,
        }
        let Location::SignedRun { id } = location else {
            return Err(MlflowError::Location(format!("there is no way to write {file} there")));
        };
        let operation = "artifacts/credentials-for-write";
        let wrong =
            |problem: &str| MlflowError::Answer { operation: operation.to_owned(), problem: problem.to_owned() };
        let answer: Answer = self.post(operation, json!({"run_id": id, "path": [file]}), Repeat::Harmless).await?;
        let signed = answer.credential_infos.into_iter().next().ok_or_else(|| wrong("expected an address"))?;
        let url = Url::parse(&signed.signed_uri).map_err(|_| wrong("expected an address to write to"))?;
        let mut request = self.foreign_request(Method::PUT, url)?;
        for Header { name, value } in &signed.headers {
            let header = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()));
            let (Ok(name), Ok(value)) = header else { return Err(wrong("expected headers that can be sent")) };
            request = request.header(name, value);
        }
        match signed.kind.as_str() {
            "AZURE_SAS_URI" => Ok(request.header("x-ms-blob-type", "BlockBlob")),
            "AZURE_ADLS_GEN2_SAS_URI" => Err(MlflowError::Location(
                "this workspace keeps artifacts of runs in Azure Data Lake, which we cannot write to".to_owned(),
            )),
            _ => Ok(request),
        }
    }

    /// Reads a file of at most `largest` bytes into what `open` makes, anew at each try.
    pub(super) async fn download<W: Write>(
        &self,
        location: &Location,
        file: &str,
        largest: u64,
        open: impl Fn() -> Result<W, MlflowError>,
        tell: &Transfer,
    ) -> Result<W, MlflowError> {
        let operation = format!("download of {file}");
        let url = self.file_url(location, file);
        let url = url.ok_or_else(|| MlflowError::Location(format!("there is no way to read {file} there")))?;
        let mut tries = Tries::new(&operation, Repeat::Harmless);
        loop {
            let mut writer = open()?;
            match self.read(&operation, &url, (file, largest), &mut writer, tell).await {
                Ok(()) => return Ok(writer),
                Err(failure) => tries.wait(self, failure).await?,
            }
        }
    }

    async fn read(
        &self,
        operation: &str,
        url: &Url,
        (file, largest): (&str, u64),
        writer: &mut impl Write,
        tell: &Transfer,
    ) -> Result<(), Failure> {
        let too_large =
            || Failure::Final(MlflowError::Location(format!("{file} has more than the expected {largest} bytes")));
        let mut response = self.send(operation, self.request(Method::GET, url.clone())).await?;
        if response.content_length().is_some_and(|length| length > largest) {
            return Err(too_large());
        }
        let mut read = 0;
        while let Some(piece) = response.chunk().await.map_err(|error| Failure::Transient(causes(error), None))? {
            read += piece.len() as u64;
            if read > largest {
                return Err(too_large());
            }
            let written = writer.write_all(&piece).map_err(FileError::io("write", Path::new(file)));
            written.map_err(|error| Failure::Final(error.into()))?;
            tell(file, read);
        }
        Ok(())
    }

    /// Names in a folder that the tracking server hands through, with the sizes of files; none of other places.
    pub(super) async fn list(&self, location: &Location) -> Result<Option<BTreeMap<String, Option<u64>>>, MlflowError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            files: Vec<Listed>,
        }
        #[derive(Deserialize)]
        struct Listed {
            path: String,
            #[serde(default)]
            file_size: Option<u64>,
        }
        let Location::Proxied(segments) = location else { return Ok(None) };
        let operation = "list of artifacts";
        let mut url = self.url(["api", "2.0", "mlflow-artifacts", "artifacts"]);
        url.query_pairs_mut().append_pair("path", &segments.join("/"));
        let answer: Answer = self.call_url(Method::GET, operation, &url, None, Repeat::Harmless).await?;
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Some(answer.files.into_iter().map(|listed| (name(&listed.path), listed.file_size)).collect()))
    }
}

/// A body that is read while it is sent, and its length.
async fn body(file: &str, content: &Content, tell: &Transfer) -> Result<(Body, u64), MlflowError> {
    let path = match content {
        Content::Bytes(bytes) => {
            let length = bytes.len() as u64;
            tell(file, length);
            return Ok((Body::from(bytes.clone()), length));
        }
        Content::File(path) => path,
    };
    let opened = tokio::fs::File::open(path).await.map_err(FileError::io("read", path))?;
    let length = opened.metadata().await.map_err(FileError::io("read", path))?.len();
    let (name, tell) = (file.to_owned(), Arc::clone(tell));
    let pieces = stream::try_unfold((opened, 0_u64), move |(mut opened, mut sent)| {
        let (name, tell) = (name.clone(), Arc::clone(&tell));
        async move {
            let mut piece = vec![0; PIECE];
            let read = opened.read(&mut piece).await?;
            piece.truncate(read);
            sent += read as u64;
            tell(&name, sent);
            std::io::Result::Ok((read > 0).then_some((piece, (opened, sent))))
        }
    });
    Ok((Body::wrap_stream(pieces), length))
}
