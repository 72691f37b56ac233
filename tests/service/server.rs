//! A service of its own for a test: started on a free port, killed when dropped.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{self, Response};

/// Longer than anything here takes on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A running service.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// Collects the log until the service ends.
    log: Option<JoinHandle<String>>,
}

/// The binary, with what it needs to find.
pub(crate) fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_slirec-server"));
    command.current_dir(root).args(arguments).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the binary to its end: exit code and standard error.
pub(crate) fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = command(arguments, variables).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

impl Server {
    /// Starts a service with the defaults.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a service with settings from the environment.
    pub(crate) fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::start_command(command(&["--port", "0"], variables))
    }

    /// Starts a service whose writes fail, instead of ending it, while [`Server::limit_files`] says so.
    pub(crate) fn start_with_limited_files(variables: &[(&str, &str)]) -> Self {
        let service = command(&["--port", "0"], variables);
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(service.get_program()).args(service.get_args());
        shell.envs(service.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(env!("CARGO_MANIFEST_DIR"));
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::start_command(shell)
    }

    /// No file may grow beyond so many bytes, as on a full disk.
    pub(crate) fn limit_files(&self, most: &str) {
        let process = self.child.id().to_string();
        let set =
            Command::new("prlimit").args(["--pid", &process, &format!("--fsize={most}:unlimited")]).status().unwrap();
        assert!(set.success());
    }

    /// Starts a service by a command of its own.
    pub(crate) fn start_command(mut command: Command) -> Self {
        let drain_delay = "SLIREC__SERVER__DRAIN_DELAY_SECONDS";
        if !command.get_envs().any(|(name, _)| name == drain_delay) {
            command.env(drain_delay, "0");
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut find = |message: &str| {
            lines.find_map(|line| {
                let event: Value = serde_json::from_str(&line.ok()?).ok()?;
                (event["message"] == message).then(|| event["address"].as_str().unwrap().parse().unwrap())
            })
        };
        let (Some(admin), Some(address)) = (find("admin listening"), find("listening")) else {
            let mut reason = String::new();
            child.stderr.take().unwrap().read_to_string(&mut reason).unwrap();
            panic!("the service did not start (is models/demo there? `make demo` makes it): {reason}");
        };
        let log = thread::spawn(move || lines.map_while(Result::ok).map(|line| line + "\n").collect());
        Self { child, address, admin, log: Some(log) }
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        client::exchange(self.address, "GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Response {
        client::exchange(self.address, "POST", path, &[("Content-Type", "application/json")], body.as_ref())
    }

    pub(crate) fn recommend(&self, body: &Value) -> Response {
        self.post("/v1/recommendations", body.to_string())
    }

    /// Asks the admin address.
    pub(crate) fn operate(&self, method: &str, path: &str, body: &str) -> Response {
        client::exchange(self.admin, method, path, &[], body.as_bytes())
    }

    /// The metrics in Prometheus' text format.
    pub(crate) fn metrics(&self) -> String {
        self.operate("GET", "/metrics", "").text()
    }

    /// The value of a metric, by its name and labels as they stand in `/metrics`; 0 when it is not there.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let text = self.metrics();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        client::connect(self.address)
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Most memory that the service ever held.
    pub(crate) fn peak_kilobytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Waits for the end of the service: its exit status and its log.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = wait_until("the service ends", || self.child.try_wait().unwrap());
        (status, self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer.
pub(crate) fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "timed out: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
