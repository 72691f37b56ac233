//! The sources of the configuration, least important first, and which of them a key's value came from.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::path::Path;

use config::builder::DefaultState;
use config::{Config, ConfigBuilder, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use serde_path_to_error::Error as PathError;

use super::closest::closest;
use super::{Arguments, Settings, SettingsError, environment, retired, types};

/// The documented file is also the source of the defaults, so the two cannot differ.
const DEFAULTS: &str = include_str!("../../config/server.toml");
const DEFAULT_FILE: &str = "config/server.toml";

/// What one source says.
#[derive(Debug, Clone)]
struct Layer {
    /// Its name in messages.
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
    load_with(arguments, std::env::vars_os())
}

/// The defaults and variables of the environment, for a service in process.
///
/// # Errors
/// As for [`load`].
pub(crate) fn from_variables(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    load_with(&Arguments::default(), variables.iter().map(|(name, value)| (name.into(), value.into())))
}

fn load_with(
    arguments: &Arguments,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Settings, SettingsError> {
    let defaults = Layer::new("the defaults", &File::from_str(DEFAULTS, FileFormat::Toml))?;
    let retired = Layer::new("retired keys", &File::from_str(retired::KEYS, FileFormat::Toml))?;
    let mut known = defaults.entries();
    known.extend(retired.entries());
    let mut others: Vec<Layer> = file_layer(arguments.config.as_deref())?.into_iter().collect();
    let values = environment::read(variables, &known)?;
    others.push(Layer { name: environment::SOURCE.to_owned(), values, of_texts: true });
    others.push(flags_layer(arguments)?);
    check_entries(&others, &known)?;
    let warnings = others.iter_mut().flat_map(|layer| retired::take(&layer.name, &mut layer.values)).collect();
    Ok(Settings { warnings, ..merge([vec![defaults], others].concat())? })
}

fn merge(layers: Vec<Layer>) -> Result<Settings, SettingsError> {
    let mut builder = ConfigBuilder::<DefaultState>::default();
    for layer in &layers {
        builder = builder.add_source(layer.clone());
    }
    let value_error = |key: &str, problem: String| {
        let origin = layers.iter().rev().find(|layer| layer.entries().contains_key(key));
        let source_name = origin.map_or_else(|| "the configuration".to_owned(), |layer| layer.name.clone());
        // A value that the message quotes may have line breaks.
        let problem = problem.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
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
    let problem = |problem: String| ConfigError::Message(format!("{}: {problem}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| problem(format!("cannot be read: {error}")))?;
    let layer = Layer::new(path.display().to_string(), &File::from_str(&text, FileFormat::Toml));
    layer.map(Some).map_err(|error| match error {
        ConfigError::FileParse { cause, .. } => problem(one_line(&*cause)),
        other => problem(format!("cannot be read: {other}")),
    })
}

/// The first line of a parser's message, which has the place, and the last, which has the reason; between them it
/// draws.
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

fn check_entries(layers: &[Layer], known: &BTreeMap<String, &Value>) -> Result<(), SettingsError> {
    for layer in layers {
        for (key, value) in layer.entries() {
            let problem = match known.get(&key) {
                Some(default) => types::problem(value, default, layer.of_texts),
                None if is_section(&key, known) => {
                    Some(format!("found {}: expected the section [{key}]", types::kind(value)))
                }
                None => {
                    let names = closest(&key, known.keys().map(String::as_str)).into_iter();
                    let names = names.map(|name| format!("`{name}`")).collect();
                    return Err(SettingsError::unknown_key(&layer.name, &key, names));
                }
            };
            if let Some(problem) = problem {
                return Err(SettingsError::Value { source_name: layer.name.clone(), key, problem });
            }
        }
    }
    Ok(())
}

fn is_section(key: &str, known: &BTreeMap<String, &Value>) -> bool {
    known.keys().any(|known| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
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
mod tests;
