//! What comes from which source, and the messages for values that cannot be used.

use super::*;
use crate::config::LogFormat;

fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn with_file(content: &str, variables: &[(&str, &str)], port: Option<u16>) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    std::fs::write(&path, content).unwrap();
    let arguments = Arguments { config: Some(path), port, ..Arguments::default() };
    load_with(&arguments, environment(variables)).map_err(|error| error.to_string())
}

#[test]
fn the_documented_defaults_are_sound() {
    let settings = with_file("", &[], None).unwrap();
    assert_eq!(settings.server.port, 8080);
    assert_eq!(settings.invocations.limit, 16);
    assert_eq!(settings.log.format, LogFormat::Json);
    assert!(settings.engine.options(&settings.limits).workers >= 1);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "[server]\nport = 1\nhost = \"file\"\n[model]\npath = \"file\"";
    let variables = [("SLIREC__SERVER__PORT", "2"), ("SLIREC__SERVER__HOST", "environment")];
    let settings = with_file(file, &variables, Some(3)).unwrap();
    assert_eq!(settings.server.port, 3);
    assert_eq!(settings.server.host, "environment");
    assert_eq!(settings.model.path, Path::new("file"));
}

#[test]
fn the_environment_can_hold_every_type() {
    let variables = [
        ("SLIREC__ENGINE__EXECUTION_PROVIDERS", "cuda, cpu"),
        ("SLIREC__ENGINE__WORKERS", "3"),
        ("SLIREC__MODEL__PATH", "007"),
        ("SLIREC__LOG__FORMAT", "text"),
    ];
    let settings = with_file("", &variables, None).unwrap();
    let options = settings.engine.options(&settings.limits);
    assert_eq!(options.execution_providers.len(), 2);
    assert_eq!(options.workers, 3);
    assert_eq!(settings.model.path, Path::new("007"));
    assert_eq!(settings.log.format, LogFormat::Text);
}

#[test]
fn unknown_keys_are_named_with_their_source() {
    let message = with_file("[server]\nprot = 1", &[], None).unwrap_err();
    assert!(message.contains("settings.toml: unknown key `server.prot`"), "{message}");
    assert!(message.contains(": expected `server.port`? "), "{message}");
    let message = with_file("[log]\nlevel = \"a\\nb\"", &[], None).unwrap_err();
    assert!(message.contains("`log.level`: `a b` is no level") && message.lines().count() == 1, "{message}");
    let message = with_file("server = 5", &[], None).unwrap_err();
    assert!(message.contains("settings.toml: `server`: found a number: expected the section [server]"), "{message}");
    let message = with_file("[inference]\nnames = [\"a b\"]", &[], None).unwrap_err();
    assert!(message.contains("`inference.names`: name 1 is empty or has spaces"), "{message}");
    let message = with_file("", &[("SLIREC__SERVR__PORT", "1")], None).unwrap_err();
    assert!(message.contains("the environment (SLIREC__…): unknown key `servr.port`"), "{message}");
    let message = with_file("[extra]", &[], None).unwrap_err();
    assert!(message.contains("settings.toml: unknown key `extra`"), "{message}");
}

#[test]
fn values_that_cannot_be_are_named_with_their_key_and_source() {
    for (file, variables, expected) in [
        ("[server]\nport = \"high\"", vec![], "settings.toml: `server.port`: "),
        ("", vec![("SLIREC__SERVER__PORT", "high")], "the environment (SLIREC__…): `server.port`: "),
        ("[server]\nport = 70000", vec![], "settings.toml: `server.port`: "),
        ("[invocations]\nlimit = 0", vec![], "settings.toml: `invocations.limit`: 0: expected 1 to 1000"),
        ("[engine]\nqueue_length = \"long\"", vec![], "settings.toml: `engine.queue_length`: found \"long\""),
        (
            "[engine]\nexecution_providers = [\"tpu\"]",
            vec![],
            "`engine.execution_providers`: `tpu`: expected `cuda` or `cpu`",
        ),
        ("[engine]\nkernels = \"fast\"", vec![], "`engine.kernels`: `fast`: expected `fused` or `stock`"),
        ("[admin]\nhost = \"0.0.0.0\"", vec![], "settings.toml: `admin.host`: 0.0.0.0 can be reached"),
        ("[auth]\nkeys = [\"short\"]", vec![], "settings.toml: `auth.keys`: key 1 is shorter than 16"),
        ("[cors]\norigins = [\"shop\"]", vec![], "settings.toml: `cors.origins`: `shop`: expected an origin"),
        ("", vec![("SLIREC__LIMITS__OVERLOAD", "queue")], "the environment (SLIREC__…): `limits.overload`: "),
        ("[limits]\ndeadline_ms = 0", vec![], "settings.toml: `limits.deadline_ms`: 0: expected 1 to"),
        ("[log]\nlevel = \"=loud=\"", vec![], "settings.toml: `log.level`: "),
        ("[log]\nformat = \"xml\"", vec![], "settings.toml: `log.format`: `xml`: expected `json` or `text`"),
        ("[limits]\noverload = \"x\"", vec![], "`limits.overload`: `x`: expected `reject` or `popular`"),
        ("[server]\nport = -1", vec![], "settings.toml: `server.port`: found -1: expected a whole number from 0"),
        ("", vec![("SLIREC__SERVER__PORT", "-1")], "`server.port`: found \"-1\": expected a whole number from 0"),
        ("[server]\nport = 99999999999999999999", vec![], "settings.toml: number too large to fit"),
        ("[model]\npath = \"\"", vec![], "settings.toml: `model.path`: is empty"),
    ] {
        let message = with_file(file, &variables, None).unwrap_err();
        assert!(message.contains(expected), "{file}: {message}");
    }
}

#[test]
fn a_file_that_is_missing_or_not_toml_is_named() {
    let arguments = Arguments { config: Some("no/such.toml".into()), ..Arguments::default() };
    let message = load_with(&arguments, environment(&[])).unwrap_err().to_string();
    assert!(message.contains("no/such.toml"), "{message}");
    let message = with_file("[server", &[], None).unwrap_err();
    assert!(message.contains("settings.toml"), "{message}");
    let folder = tempfile::tempdir().unwrap();
    let arguments = Arguments { config: Some(folder.path().to_path_buf()), ..Arguments::default() };
    let message = load_with(&arguments, environment(&[])).unwrap_err().to_string();
    assert!(message.contains(&format!("{}: cannot be read: ", folder.path().display())), "{message}");
}

#[test]
fn messages_are_short_whatever_was_found() {
    let long = "x".repeat(100_000);
    for key in ["SERVER__PORT", "LOG__FORMAT", "LOG__LEVEL", "CORS__ORIGINS", "ENGINE__KERNELS", "ADMIN__HOST", "NO"] {
        let message = with_file("", &[(&format!("SLIREC__{key}"), &long)], None).unwrap_err();
        assert!(message.len() < 500, "{key}: {}", message.len());
    }
    let file = format!("[server]\n{long} = 1");
    assert!(with_file(&file, &[], None).unwrap_err().len() < 500);
}

#[test]
fn a_file_of_windows_is_read() {
    let settings = with_file("\u{feff}[server]\r\nport = 8081\r\n", &[], None).unwrap();
    assert_eq!(settings.server.port, 8081);
}

#[test]
fn retired_keys_are_read_with_a_warning() {
    let settings = with_file("[engine]\nqueue_length = 128", &[], None).unwrap();
    let [warning] = settings.warnings.as_slice() else { panic!("{:?}", settings.warnings) };
    assert!(warning.contains("settings.toml: key `engine.queue_length` is retired"), "{warning}");
    let settings = with_file("", &[("SLIREC__ENGINE__QUEUE_LENGTH", "128")], None).unwrap();
    assert!(settings.warnings.iter().any(|warning| warning.starts_with("the environment")), "{:?}", settings.warnings);
    let settings = with_file("limits.body_memory_bytes = 1", &[], None).unwrap();
    assert!(settings.warnings.iter().any(|warning| warning.contains("limits.memory_bytes")), "{:?}", settings.warnings);
    let settings = with_file("[engine]\nprecision = \"bf16\"", &[], None).unwrap();
    let [warning] = settings.warnings.as_slice() else { panic!("{:?}", settings.warnings) };
    assert!(warning.contains("`engine.precision`") && warning.contains("engine.shortlist_from"), "{warning}");
    assert!(with_file("", &[], None).unwrap().warnings.is_empty());
}
