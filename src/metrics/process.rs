//! The operating system's figures of this process: `/proc` enters, the metrics leave that Prometheus' client libraries
//! have in common, under their usual names.

use std::sync::{Mutex, PoisonError};

use procfs::ProcResult;
use procfs::process::{LimitValue, Process};
use prometheus::{Counter, Gauge, Registry};

use super::families::Registering;

/// Metrics of the process; read anew for every scrape.
#[derive(Debug)]
pub(super) struct ProcessFamilies {
    /// A counter can only be increased, by what two scrapes must not both add.
    cpu: Mutex<Counter>,
    resident: Gauge,
    virtual_memory: Gauge,
    open_files: Gauge,
    most_files: Gauge,
    threads: Gauge,
    started: Gauge,
}

impl ProcessFamilies {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let new = Registering(registry);
        let cpu = new.seconds("process_cpu_seconds_total", "Processor time in user and system mode, seconds")?;
        let families = Self {
            cpu: Mutex::new(cpu),
            resident: new.float("process_resident_memory_bytes", "Resident memory, bytes")?,
            virtual_memory: new.float("process_virtual_memory_bytes", "Virtual memory, bytes")?,
            open_files: new.float("process_open_fds", "Open file descriptors")?,
            most_files: new.float("process_max_fds", "Most file descriptors that may be open")?,
            threads: new.float("process_threads", "Threads")?,
            started: new.float("process_start_time_seconds", "When the process was started, Unix seconds")?,
        };
        families.update();
        Ok(families)
    }

    /// Reads everything again.
    pub(super) fn update(&self) {
        if let Err(error) = self.read() {
            tracing::debug!(error = error.to_string(), "/proc cannot be read");
        }
    }

    fn read(&self) -> ProcResult<()> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let ticks = procfs::ticks_per_second() as f64;
        self.resident.set((stat.rss * procfs::page_size()) as f64);
        self.virtual_memory.set(stat.vsize as f64);
        self.threads.set(stat.num_threads as f64);
        self.started.set(procfs::boot_time_secs()? as f64 + stat.starttime as f64 / ticks);
        self.open_files.set(process.fd_count()? as f64);
        if let LimitValue::Value(most) = process.limits()?.max_open_files.soft_limit {
            self.most_files.set(most as f64);
        }
        let cpu = self.cpu.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = (stat.utime + stat.stime) as f64 / ticks;
        cpu.inc_by((spent - cpu.get()).max(0.0));
        Ok(())
    }
}
