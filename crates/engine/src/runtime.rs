//! ONNX Runtime: finds its library once per process and makes sessions, each on one execution provider.

mod cuda;
mod device;
mod placement;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use slirec_core::bundle::{Bundle, SCORES_GRAPH};
use slirec_onnx::check::decode_checked;

use crate::EngineError;
pub use device::Device;

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

/// The library of this process.
#[derive(Debug, Clone)]
struct Library {
    path: PathBuf,
    environment: Environment,
}

/// One per process, from where the first engine names it.
static LOADED: Mutex<Option<Library>> = Mutex::new(None);

impl Library {
    /// Loads ONNX Runtime, from `library`, or else `ORT_DYLIB_PATH`, or else beside the installed program, or else by the
    /// name that the system's loader knows.
    fn load(library: Option<&Path>) -> Result<Self, EngineError> {
        // A panic while the lock was held left at worst an empty slot, so a poisoned lock is as good as a sound one.
        let mut slot = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = slot.as_ref() {
            return Ok(loaded.clone());
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
            .with_logger(Arc::new(log))
            .build()
            .map_err(|error| failed(error.to_string()))?;
        environment.set_log_level(LogLevel::Error);
        Ok(slot.insert(Self { path, environment }).clone())
    }
}

/// What ONNX Runtime logs goes where all goes; on its own it would write lines of another form to standard error.
fn log(level: LogLevel, _category: &str, _id: &str, _place: &str, text: &str) {
    if level >= LogLevel::Error {
        tracing::error!(text, "ONNX Runtime");
    }
}

/// Where `make install` puts the library of a program: `PREFIX/lib/slirec` for one in `PREFIX/bin`.
fn installed(program: &Path) -> Option<PathBuf> {
    Some(program.parent()?.parent()?.join("lib/slirec").join(LIBRARY))
}

/// Makes sessions on one provider.
#[derive(Debug, Clone)]
pub(crate) struct SessionMaker {
    environment: Environment,
    provider: ExecutionProvider,
    device: Option<Device>,
}

impl SessionMaker {
    /// On the processor.
    pub(crate) fn on_processor(library: Option<&Path>) -> Result<Self, EngineError> {
        let environment = Library::load(library)?.environment;
        Ok(Self { environment, provider: ExecutionProvider::Cpu, device: None })
    }

    /// The same library on the processor, for graphs that a card does not run sooner.
    pub(crate) fn processor(&self) -> Self {
        Self { environment: self.environment.clone(), provider: ExecutionProvider::Cpu, device: None }
    }

    /// On the first wanted provider on which the scores graph loads, or else on the processor.
    ///
    /// # Errors
    /// [`EngineError::Provider`] when a provider is required and something that it needs is missing.
    pub(crate) fn choose(
        library: Option<&Path>,
        wanted: &[ExecutionProvider],
        required: bool,
        bundle: &Bundle,
    ) -> Result<Self, EngineError> {
        if wanted.first() != Some(&ExecutionProvider::Cuda) {
            return Self::on_processor(library);
        }
        match Self::on_card(Library::load(library)?, bundle) {
            Ok(maker) => Ok(maker),
            Err(missing) if required => {
                Err(EngineError::Provider { provider: ExecutionProvider::Cuda.name(), missing })
            }
            Err(missing) => {
                tracing::warn!(
                    provider = ExecutionProvider::Cuda.name(),
                    missing,
                    "execution provider cannot be used, falling back to the processor"
                );
                Self::on_processor(library)
            }
        }
    }

    /// The error says what is missing.
    fn on_card(Library { path, environment }: Library, bundle: &Bundle) -> Result<Self, String> {
        cuda::load_libraries(&path);
        let maker = Self { environment, provider: ExecutionProvider::Cuda, device: None };
        let nodes = maker.nodes_on_processor(&bundle.scores_graph).map_err(|error| cuda::missing(&path, &error))?;
        if nodes > 0 {
            tracing::warn!(graph = SCORES_GRAPH, nodes, "nodes of the graph run on the processor");
        }
        Ok(Self { device: Device::first_visible(), ..maker })
    }

    /// How many nodes of a graph ONNX Runtime leaves to the processor.
    fn nodes_on_processor(&self, graph: &[u8]) -> ort::Result<usize> {
        let (mut builder, nodes) = placement::watched(self.builder()?)?;
        builder.commit_from_memory(graph)?;
        Ok(nodes.count())
    }

    pub(crate) fn provider(&self) -> ExecutionProvider {
        self.provider
    }

    /// What computes, where it is no processor and says what it is.
    pub(crate) fn device(&self) -> Option<&Device> {
        self.device.as_ref()
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
            // In full precision: scores must be those of the processor.
            ExecutionProvider::Cuda => ep::CUDA::default().with_tf32(false).build().error_on_failure(),
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

    #[test]
    fn nodes_that_are_left_to_the_processor_are_counted() {
        let maker = SessionMaker::on_processor(None).unwrap();
        let bundle = Bundle::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/demo"))).unwrap();
        for graph in [&bundle.candidates_graph, &bundle.history_graph, &bundle.scores_graph] {
            // There is nothing else here: all of them.
            assert!(maker.nodes_on_processor(graph).unwrap() > 5);
        }
    }
}
