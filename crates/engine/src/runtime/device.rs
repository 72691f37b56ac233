//! The card that computes: the name and memory that NVIDIA's `nvidia-smi` has for it.

use std::path::Path;
use std::process::Command;

/// Comes with the driver; containers have it with the capability `utility`.
const PROGRAM: &str = "nvidia-smi";

/// A card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Such as `NVIDIA H200`.
    pub name: String,
    /// All of its memory.
    pub memory_bytes: u64,
}

impl Device {
    /// The card that sessions run on: the first that `CUDA_VISIBLE_DEVICES` allows. None, with a log line, when
    /// `nvidia-smi` does not say.
    pub(super) fn first_visible() -> Option<Self> {
        let visible = std::env::var("CUDA_VISIBLE_DEVICES").unwrap_or_default();
        let first = visible.split(',').next().map(str::trim).filter(|id| !id.is_empty()).unwrap_or("0");
        let device = Self::ask(Path::new(PROGRAM), first);
        device.inspect_err(|reason| tracing::warn!(reason, "the card's name and memory are not known")).ok()
    }

    fn ask(program: &Path, id: &str) -> Result<Self, String> {
        let query = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"];
        let output = Command::new(program).args(query).arg(format!("--id={id}")).output();
        let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().next().unwrap_or_default();
        let device = line.rsplit_once(',').and_then(|(name, mebibytes)| {
            let memory_bytes = mebibytes.trim().parse::<u64>().ok()?.checked_mul(1 << 20)?;
            Some(Self { name: name.trim().to_owned(), memory_bytes })
        });
        let answered = device.filter(|_| output.status.success());
        answered.ok_or_else(|| format!("{} answers `{line}`, {}", program.display(), output.status))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A program in the place of `nvidia-smi`.
    fn asked(script: &str) -> Result<Device, String> {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(PROGRAM);
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Device::ask(&program, "1")
    }

    #[test]
    fn name_and_memory_are_those_of_the_card_that_was_asked_for() {
        let device = asked(r#"test "$3" = --id=1 && echo "NVIDIA H200, 143771""#).unwrap();
        assert_eq!(device, Device { name: "NVIDIA H200".to_owned(), memory_bytes: 143_771 << 20 });
    }

    #[test]
    fn a_card_that_is_not_told_of_is_no_error_of_ours() {
        assert!(asked("echo No devices were found; exit 6").unwrap_err().contains("`No devices were found`"));
        assert!(asked("echo NVIDIA, 5; exit 1").is_err());
        assert!(asked("echo 'NVIDIA GB10, [N/A]'").is_err());
        assert!(Device::ask(Path::new("/no/such/program"), "0").unwrap_err().contains("/no/such/program"));
    }
}
