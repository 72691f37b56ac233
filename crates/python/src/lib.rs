//! The native half of the Python package `slirec`: Python values and Arrow streams enter, exceptions and Arrow streams
//! leave. What a person calls stands in `../python/slirec`.

mod answers;
mod errors;
mod frame;
mod listener;
mod options;
mod registry;
mod runs;
mod serving;
mod sessions;
mod training;

#[pyo3::pymodule(name = "_slirec")]
mod native {
    #[pymodule_export]
    use crate::errors::SlirecError;
    #[pymodule_export]
    use crate::frame::Frame;
    #[pymodule_export]
    use crate::options::seconds;
    #[pymodule_export]
    use crate::registry::pull;
    #[pymodule_export]
    use crate::runs::{evaluate, export, report, run};
    #[pymodule_export]
    use crate::serving::Bundle;
    #[pymodule_export]
    use crate::training::{dataset, prepare, train};
}
