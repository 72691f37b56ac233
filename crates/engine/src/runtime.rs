//! ONNX Runtime: finds its library once per process and makes sessions on the best execution provider that works.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use slirec_onnx::check::decode_checked;

use crate::EngineError;

/// Name of the library.
const LIBRARY: &str = "libonnxruntime.so";

/// Hardware that ONNX Runtime may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionProvider {
    /// NVIDIA GPUs.
    Cuda,
    /// The processor; always there.
    Cpu,
}

impl ExecutionProvider {
    /// The name in configuration, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Cpu => "cpu",
        }
    }
}

/// The library's environment; one per process, made from the library that the first engine names.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// Loads ONNX Runtime, from `library`, or else `ORT_DYLIB_PATH`, or else beside the installed program, or else by the name that
/// the system's loader knows.
pub(crate) fn environment(library: Option<&Path>) -> Result<Environment, EngineError> {
    // A panic while the lock was held left at worst an empty slot, so a poisoned lock is as good as a sound one.
    let mut slot = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = slot.as_ref() {
        return Ok(environment.clone());
    }
    let path = library
        .map(Path::to_owned)
        .or_else(|| std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from))
        .or_else(|| installed(&std::env::current_exe().ok()?).filter(|path| path.exists()))
        .unwrap_or_else(|| PathBuf::from(LIBRARY));
    let failed = |problem: String| EngineError::Library { path: path.clone(), problem };
    let environment = ort::init_from(&path)
        .map_err(|error| failed(error.to_string()))?
        .with_name("slirec")
        .with_telemetry(false)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    *slot = Some(environment.clone());
    Ok(environment)
}

/// Where `make install` puts the library of a program: `PREFIX/lib/slirec` for one in `PREFIX/bin`.
fn installed(program: &Path) -> Option<PathBuf> {
    Some(program.parent()?.parent()?.join("lib/slirec").join(LIBRARY))
}

/// Makes sessions for one bundle.
#[derive(Debug, Clone)]
pub(crate) struct SessionMaker {
    environment: Environment,
    provider: ExecutionProvider,
}

impl SessionMaker {
    /// Takes the first of `preferred` on which `graph` loads; each that does not is logged with the reason.
    pub(crate) fn choose(
        library: Option<&Path>,
        preferred: &[ExecutionProvider],
        name: &'static str,
        graph: &[u8],
    ) -> Result<Self, EngineError> {
        let environment = environment(library)?;
        let mut last = None;
        for provider in preferred {
            let maker = Self { environment: environment.clone(), provider: *provider };
            match maker.session(name, graph) {
                Ok(_) => return Ok(maker),
                Err(error) => {
                    tracing::warn!(provider = provider.name(), %error, "execution provider is not available, falling back");
                    last = Some(error);
                }
            }
        }
        let tried: Vec<&str> = preferred.iter().map(|provider| provider.name()).collect();
        Err(last.unwrap_or_else(|| EngineError::NoProvider(tried.join(", "))))
    }

    pub(crate) fn provider(&self) -> ExecutionProvider {
        self.provider
    }

    /// A session for a graph, after its bytes were checked.
    pub(crate) fn session(&self, graph: &'static str, bytes: &[u8]) -> Result<Session, EngineError> {
        decode_checked(bytes).map_err(|reason| EngineError::Graph { graph, reason })?;
        let failed = |error: ort::Error| EngineError::Session { graph, problem: error.to_string() };
        let mut builder = self.builder().map_err(failed)?;
        builder.commit_from_memory(bytes).map_err(failed)
    }

    fn builder(&self) -> ort::Result<SessionBuilder> {
        let provider = match self.provider {
            ExecutionProvider::Cuda => ep::CUDA::default().build().error_on_failure(),
            ExecutionProvider::Cpu => ep::CPU::default().build(),
        };
        Ok(Session::builder(&self.environment)?
            .with_execution_providers([provider])?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_program_finds_its_library_below_the_same_prefix() {
        let found = installed(Path::new("/opt/slirec/bin/slirec-server"));
        assert_eq!(found.as_deref(), Some(Path::new("/opt/slirec/lib/slirec/libonnxruntime.so")));
        assert_eq!(installed(Path::new("/slirec")), None);
    }
}
