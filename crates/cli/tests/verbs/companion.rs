//! A folder of its own for a test, and the binary run in it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(120);

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/demo");

/// A network that trains in a second.
const SMALL_NETWORK: &str = include_str!("../../../../tests/fixtures/small_network.toml");

/// The original's network, as small.
const SMALL_ORIGINAL: &str = r#"
[model]
network = "sli-rec"
item_embedding_size = 6
features = [{ name = "category", embedding_size = 2 }]
longest_history = 12
attention_layers = [8, 4]
score_layers = [8, 4]

[training]
epochs = 2
batch_size = 50
learning_rate = 0.01
initial_deviation = 0.1
"#;

/// A folder with the demo catalogue, its rules and the hyperparameters of a small network; removed when dropped.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for name in ["catalog.json", "rules.toml"] {
            fs::copy(format!("{DEMO}/{name}"), folder.path(name)).unwrap();
        }
        folder.write("small.toml", SMALL_NETWORK);
        folder.write("original.toml", SMALL_ORIGINAL);
        folder
    }

    /// A folder in which `verbs` of the road have been run: interactions.tsv, dataset, run, bundle.
    pub(crate) fn after(verbs: &[&str]) -> Self {
        let folder = Self::new();
        for verb in verbs {
            folder.succeed(verb_arguments(verb));
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Names of what lies in the folder or below it.
    pub(crate) fn names(&self, below: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(below)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The binary in this folder. The creation time of bundles comes from the data, whatever the caller's environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slirec"));
        command.current_dir(self.0.path()).args(arguments).env_remove("SOURCE_DATE_EPOCH");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs to success; answers standard output.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "slirec {}: {errors}", arguments.join(" "));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs to success; answers standard output as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.succeed(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Runs to an error, one that the program gives by itself; answers its message.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "slirec {}: {message}", arguments.join(" "));
        assert!(message.lines().any(|line| line.starts_with("error: ")), "{message}");
        message
    }

    /// Runs to the refusal of the arguments themselves.
    pub(crate) fn misuse(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(2), "slirec {}", arguments.join(" "));
        String::from_utf8(output.stderr).unwrap()
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        // Files, not pipes: a pipe without a reader would stop the process when it is full.
        let [output, errors] = ["output.log", "errors.log"].map(|name| self.path(name));
        let log = |path: &Path| File::create(path).unwrap();
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(log(&output)).stderr(log(&errors));
        Running { child: command.spawn().unwrap(), output, errors }
    }
}

/// The arguments of a verb on the folder's files, for data of a few users.
pub(crate) fn verb_arguments(verb: &str) -> &'static [&'static str] {
    match verb {
        "generate" => &[
            "interactions",
            "generate",
            "--catalog",
            "catalog.json",
            "--rules",
            "rules.toml",
            "--users",
            "12",
            "--min-walks",
            "4",
            "--max-walks",
            "6",
            "--output",
            "interactions.tsv",
        ],
        "prepare" => &["prepare", "--interactions", "interactions.tsv", "--output", "dataset"],
        "train" => &["train", "--dataset", "dataset", "--hyperparameters", "small.toml", "--output", "run"],
        "export" => &[
            "export",
            "--run",
            "run",
            "--dataset",
            "dataset",
            "--catalog",
            "catalog.json",
            "--name",
            "small",
            "--version",
            "7",
            "--output",
            "bundle",
        ],
        other => panic!("no verb of the road: {other}"),
    }
}

/// The whole road, in its order.
pub(crate) const ROAD: [&str; 4] = ["generate", "prepare", "train", "export"];

/// A process that a test stops; killed when dropped.
pub(crate) struct Running {
    child: Child,
    output: PathBuf,
    errors: PathBuf,
}

impl Running {
    /// The process's standard input; it stays open for as long as the answer lives.
    pub(crate) fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Waits until the process has come so far; it must not end before.
    pub(crate) fn wait_until(&mut self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !holds() {
            assert!(self.child.try_wait().unwrap().is_none(), "the process ended before {what}");
            assert!(Instant::now() < deadline, "timed out: {what}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends a signal by its name, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Kills the process as the kernel does when memory runs out; it must not have ended by itself.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), None, "the process ended by itself before it was killed");
    }

    /// As [`Running::kill`], for a process that may have come to its end already.
    pub(crate) fn kill_if_running(&mut self) {
        // An error says that it has ended.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Waits for the end: exit code, standard output and standard error.
    pub(crate) fn wait(&mut self) -> (Option<i32>, String, String) {
        let status = self.child.wait().unwrap();
        let [output, errors] = [&self.output, &self.errors].map(|path| fs::read_to_string(path).unwrap());
        (status.code(), output, errors)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
