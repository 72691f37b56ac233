//! The sources of the configuration, least important first, and which of them a key's value came from.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use config::builder::DefaultState;
use config::{Config, ConfigBuilder, ConfigError, Environment, File, FileFormat, Map, Source, Value, ValueKind};
use serde_path_to_error::Error as PathError;

use super::{Arguments, Settings, SettingsError, types};

/// The documented file is also the source of the defaults, so the two cannot differ.
const DEFAULTS: &str = include_str!("../../config/server.toml");
const DEFAULT_FILE: &str = "config/server.toml";

/// What one source says.
#[derive(Debug, Clone)]
struct Layer {
    /// As people call it.
    name: String,
    values: Map<String, Value>,
    /// Whether all values are texts, whatever they stand for.
    of_texts: bool,
}

impl Layer {
    fn new(name: impl Into<String>, source: &impl Source) -> Result<Self, ConfigError> {
        Ok(Self { name: name.into(), values: source.collect()?, of_texts: false })
    }

    /// All keys with a value, dotted and in order, and their values.
    fn entries(&self) -> BTreeMap<String, &Value> {
        let mut entries = BTreeMap::new();
        collect_entries("", &self.values, &mut entries);
        entries
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.values.clone())
    }
}

/// Merges all sources and checks the result.
///
/// # Errors
/// [`SettingsError`] with the key and its source.
pub(crate) fn load(arguments: &Arguments) -> Result<Settings, SettingsError> {
    load_with(arguments, Environment::default())
}

fn load_with(arguments: &Arguments, environment: Environment) -> Result<Settings, SettingsError> {
    let mut layers = vec![Layer::new("the defaults", &File::from_str(DEFAULTS, FileFormat::Toml))?];
    layers.extend(file_layer(arguments.config.as_deref())?);
    let environment = environment.prefix("SLIREC").prefix_separator("__").separator("__");
    layers.push(Layer { of_texts: true, ..Layer::new("the environment (SLIREC__…)", &environment)? });
    layers.push(flags_layer(arguments)?);
    check_entries(&layers)?;
    merge(layers)
}

fn merge(layers: Vec<Layer>) -> Result<Settings, SettingsError> {
    let mut builder = ConfigBuilder::<DefaultState>::default();
    for layer in &layers {
        builder = builder.add_source(layer.clone());
    }
    let value_error = |key: &str, problem: String| {
        let origin = layers.iter().rev().find(|layer| layer.entries().contains_key(key));
        let source_name = origin.map_or_else(|| "the configuration".to_owned(), |layer| layer.name.clone());
        SettingsError::Value { source_name, key: key.to_owned(), problem }
    };
    let config: Config = builder.build()?;
    let settings: Settings = serde_path_to_error::deserialize(config).map_err(|error: PathError<ConfigError>| {
        let problem = match error.inner() {
            ConfigError::Type { unexpected, expected, .. } => format!("found {unexpected}: expected {expected}"),
            other => other.to_string(),
        };
        value_error(&error.path().to_string(), problem)
    })?;
    settings.check().map_err(|(key, problem)| value_error(key, problem))?;
    Ok(settings)
}

/// A file that was asked for must be there; the usual one may be.
fn file_layer(asked: Option<&Path>) -> Result<Option<Layer>, ConfigError> {
    let path = asked.unwrap_or(Path::new(DEFAULT_FILE));
    if asked.is_none() && !path.exists() {
        return Ok(None);
    }
    let file = File::new(&path.to_string_lossy(), FileFormat::Toml);
    Layer::new(path.display().to_string(), &file).map(Some).map_err(|error| match error {
        ConfigError::FileParse { cause, .. } => {
            ConfigError::Message(format!("{}: {}", path.display(), one_line(&*cause)))
        }
        other => other,
    })
}

/// The first line of a parser's message, which has the place, and the last, which has the reason; between them it draws.
fn one_line(cause: &dyn Error) -> String {
    let message = cause.to_string();
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let place = lines.next().unwrap_or_default();
    lines.next_back().map_or_else(|| place.to_owned(), |reason| format!("{place}: {reason}"))
}

fn flags_layer(arguments: &Arguments) -> Result<Layer, ConfigError> {
    let path = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
    let flags = Config::builder()
        .set_override_option("server.host", arguments.host.clone())?
        .set_override_option("server.port", arguments.port)?
        .set_override_option("admin.port", arguments.admin_port)?
        .set_override_option("model.path", arguments.model.as_ref().map(path))?
        .build()?;
    Layer::new("the flags", &flags)
}

fn check_entries(layers: &[Layer]) -> Result<(), SettingsError> {
    let Some((defaults, others)) = layers.split_first() else { return Ok(()) };
    let known = defaults.entries();
    for layer in others {
        let source_name = || layer.name.clone();
        for (key, value) in layer.entries() {
            let Some(default) = known.get(&key) else {
                return Err(SettingsError::UnknownKey { source_name: source_name(), key });
            };
            if let Some(problem) = types::problem(value, default, layer.of_texts) {
                return Err(SettingsError::Value { source_name: source_name(), key, problem });
            }
        }
    }
    Ok(())
}

fn collect_entries<'a>(prefix: &str, values: &'a Map<String, Value>, entries: &mut BTreeMap<String, &'a Value>) {
    for (name, value) in values {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match &value.kind {
            ValueKind::Table(inner) if !inner.is_empty() => collect_entries(&key, inner, entries),
            _ => drop(entries.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogFormat;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Environment::default().source(Some(variables))
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
            ("[engine]\nqueue_length = 0", vec![], "settings.toml: `engine.queue_length`: 0: expected 1 to 1000000"),
            (
                "[engine]\nexecution_providers = [\"tpu\"]",
                vec![],
                "`engine.execution_providers`: `tpu`: expected `cuda` or `cpu`",
            ),
            ("[engine]\nkernels = \"fast\"", vec![], "`engine.kernels`: `fast`: expected `fused` or `stock`"),
            ("[engine]\nprecision = \"fp8\"", vec![], "`engine.precision`: `fp8`: expected `f32` or `bf16`"),
            ("[admin]\nhost = \"0.0.0.0\"", vec![], "settings.toml: `admin.host`: 0.0.0.0 can be reached"),
            ("[auth]\nkeys = [\"short\"]", vec![], "settings.toml: `auth.keys`: key 1 is shorter than 16"),
            ("[cors]\norigins = [\"shop\"]", vec![], "settings.toml: `cors.origins`: `shop`: expected an origin"),
            ("", vec![("SLIREC__LIMITS__OVERLOAD", "queue")], "the environment (SLIREC__…): `limits.overload`: "),
            ("[limits]\ndeadline_ms = 0", vec![], "settings.toml: `limits.deadline_ms`: 0: expected 1 to"),
            ("[log]\nlevel = \"=loud=\"", vec![], "settings.toml: `log.level`: "),
            ("[log]\nformat = \"xml\"", vec![], "settings.toml: `log.format`: "),
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
    }
}
