//! What CUDA needs beside ONNX Runtime: its path, and what it says of a session that failed, enter; libraries are loaded,
//! and in one line what is missing leaves.

use std::path::{Path, PathBuf};

use ort::ep::{self, ExecutionProvider};
use ort::util::preload_dylib;

/// The driver's library.
const DRIVER: &str = "libcuda.so.1";
/// ONNX Runtime loads it, from its own folder, when the first session wants the provider.
const PROVIDER: &str = "libonnxruntime_providers_cuda.so";
/// What the provider cannot be loaded without, each after those that it needs itself.
const NEEDED: [&str; 4] = ["libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10"];
/// What it looks for when it runs.
const WANTED: [&str; 2] = ["libnvrtc.so.13", "libcudnn.so.9"];
/// Longest part of a message of ONNX Runtime's, characters.
const SHOWN: usize = 300;

/// Loads the libraries of CUDA and cuDNN that lie beside ONNX Runtime, as `make onnxruntime CUDA=1` puts them there. The
/// provider does not look there, but finds what is loaded; it finds others as the system's loader does.
pub(super) fn load_libraries(onnxruntime: &Path) {
    for library in NEEDED.iter().chain(&WANTED).map(|library| beside(onnxruntime, library)) {
        if library.exists() {
            // One that cannot be loaded is missing when a session is made.
            if let Err(error) = preload_dylib(&library) {
                tracing::debug!(%error, "a library beside ONNX Runtime cannot be loaded");
            }
        }
    }
}

/// Why no session could be made.
pub(super) fn missing(onnxruntime: &Path, error: &ort::Error) -> String {
    if !ep::CUDA::is_available().unwrap_or_default() {
        let path = onnxruntime.display();
        return format!("{path} has no CUDA provider; `make onnxruntime CUDA=1` fetches one that has");
    }
    let loads = |library: &&str| preload_dylib(*library).is_ok();
    if !loads(&DRIVER) {
        return format!("{DRIVER} cannot be loaded: there is no NVIDIA driver, or the container was given no GPU");
    }
    let needed = NEEDED.iter().find(|library| !loads(library)).copied();
    let provider = beside(onnxruntime, PROVIDER);
    let absent = needed.or((!provider.exists() && has_folder(onnxruntime)).then_some(PROVIDER));
    match absent {
        Some(library) => format!("{library} cannot be loaded; `make onnxruntime CUDA=1` fetches it"),
        None => shortened(&error.to_string()),
    }
}

fn has_folder(onnxruntime: &Path) -> bool {
    onnxruntime.parent().is_some_and(|folder| !folder.as_os_str().is_empty())
}

/// The library of this name in the folder of ONNX Runtime.
fn beside(onnxruntime: &Path, library: &str) -> PathBuf {
    onnxruntime.with_file_name(library)
}

/// What a message says of the failure, without places in ONNX Runtime's sources and the name of the machine.
fn shortened(message: &str) -> String {
    let Some((_, failure)) = message.split_once("CUDA failure ") else {
        return message.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
    };
    let failure = failure.split(" ;").next().unwrap_or(failure);
    match std::env::var("CUDA_VISIBLE_DEVICES") {
        Ok(devices) => format!("CUDA failure {failure}, with CUDA_VISIBLE_DEVICES={devices}"),
        Err(_) => format!("CUDA failure {failure}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ONNX Runtime 1.31.1 says it.
    fn failure(text: &str) -> String {
        let places =
            "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:154 void CudaCall(ERRTYPE, const char*)";
        format!(
            "{places} {text} ; GPU=-1 ; hostname=vm ; file=cuda_execution_provider.cc ; line=355 ; expr=cudaSetDevice\n"
        )
    }

    #[test]
    fn a_card_that_is_not_there_is_named_without_places_in_sources() {
        let message = shortened(&failure("CUDA failure 100: no CUDA-capable device is detected"));
        assert!(message.starts_with("CUDA failure 100: no CUDA-capable device is detected"), "{message}");
        assert!(!message.contains("hostname"), "{message}");
        let old = shortened(&failure("CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version"));
        assert!(old.starts_with("CUDA failure 35: CUDA driver version is insufficient"), "{old}");
    }

    #[test]
    fn what_is_not_known_is_one_line() {
        assert_eq!(shortened("first\nsecond"), "first");
        assert_eq!(shortened(&"x".repeat(1_000)).len(), SHOWN);
    }
}
