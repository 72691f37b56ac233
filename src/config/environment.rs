//! The environment: all variables enter, the settings among them leave, lists already split. A variable that begins
//! like one of ours and is none ends the start: a misspelt `SLIREC_SERVER_PORT` would otherwise be ignored without a
//! word.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::IpAddr;

use config::{Map, Value, ValueKind};

use super::SettingsError;
use super::closest::{closest, shape};

/// As messages call the environment.
pub(super) const SOURCE: &str = "the environment (SLIREC__…)";
const NAME: &str = "SLIREC";
const SEPARATOR: &str = "__";
/// Variables of the Makefile, the tests and the benchmarks, which the service inherits when they start it.
const OF_OUR_TOOLS: [&str; 7] = [
    "SLIREC_AXE",
    "SLIREC_BENCH_BUNDLE",
    "SLIREC_BENCH_CHART",
    "SLIREC_BENCH_PRODUCTS",
    "SLIREC_CHROMIUM",
    "SLIREC_PYTHON",
    "SLIREC_SERVER",
];

/// The settings in the environment, by their dotted keys. `known` has the default of every key.
///
/// # Errors
/// [`SettingsError`] with the first variable, in alphabetical order, that is unknown or cannot be read.
pub(super) fn read(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    known: &BTreeMap<String, &Value>,
) -> Result<Map<String, Value>, SettingsError> {
    // What is not UTF-8 is no name of ours.
    let named = variables.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let named: BTreeMap<String, OsString> = named.collect();
    let mut settings = Map::new();
    for (name, value) in named {
        let Some(key) = key(&name, &value.to_string_lossy(), known)? else { continue };
        let error =
            |problem: String| SettingsError::Value { source_name: SOURCE.to_owned(), key: key.clone(), problem };
        if settings.contains_key(&key) {
            return Err(error(format!("is set twice, also by {name}")));
        }
        let text = value.into_string().map_err(|_| error("found bytes that are no UTF-8".to_owned()))?;
        let is_list = known.get(&key).is_some_and(|default| matches!(default.kind, ValueKind::Array(_)));
        let value = if is_list { list(&text).map(ValueKind::from) } else { scalar(&text).map(ValueKind::from) };
        settings.insert(key.clone(), Value::new(Some(&SOURCE.to_owned()), value.map_err(error)?));
    }
    Ok(settings)
}

/// The key that a variable sets; none when the variable is not for the service.
fn key(name: &str, value: &str, known: &BTreeMap<String, &Value>) -> Result<Option<String>, SettingsError> {
    let upper = name.to_uppercase();
    let key = upper.strip_prefix(NAME).and_then(|rest| rest.strip_prefix(SEPARATOR));
    let key = key.map(|rest| rest.to_lowercase().replace(SEPARATOR, "."));
    if key.as_ref().is_some_and(|key| known.contains_key(key)) {
        return Ok(key);
    }
    if OF_OUR_TOOLS.contains(&upper.as_str()) || is_service_link(&upper, value) {
        return Ok(None);
    }
    let variable = |key: &str| format!("{NAME}{SEPARATOR}{}", key.to_uppercase().replace('.', SEPARATOR));
    let names = |meant: &str| closest(meant, known.keys().map(String::as_str)).into_iter().map(variable).collect();
    if let Some(key) = key {
        return Err(SettingsError::unknown_key(SOURCE, &key, names(&key)));
    }
    let (prefix, rest) = upper.split_once('_').unwrap_or((&upper, ""));
    if upper.starts_with(NAME) {
        let rest = if rest.is_empty() { upper.trim_start_matches(NAME) } else { rest };
        return Err(SettingsError::unknown_variable(name, names(rest)));
    }
    // `SLREC__SERVER__PORT`, `SLI_REC__SERVER__PORT`: the rest names a key, and no other program has a name so close.
    let (long_prefix, long_rest) = upper.split_once(SEPARATOR).unwrap_or((prefix, rest));
    for (prefix, rest) in [(prefix, rest), (long_prefix, long_rest)] {
        let is_key = || known.keys().any(|key| shape(key) == shape(rest));
        if strsim::damerau_levenshtein(prefix, NAME) == 1 && is_key() {
            return Err(SettingsError::unknown_variable(name, names(rest)));
        }
    }
    Ok(None)
}

/// Whether Kubernetes has set a variable, as it does in every pod for each service of the namespace: for one that is
/// called `slirec` or `slirec-canary`, `SLIREC_PORT=tcp://10.0.0.1:80`, `SLIREC_CANARY_SERVICE_HOST=10.0.0.1` and
/// others.
fn is_service_link(upper: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let is_number = !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit());
    let Some(rest) = upper.strip_prefix(NAME).filter(|rest| rest.starts_with('_')) else { return false };
    if rest.ends_with("_SERVICE_HOST") {
        return value.parse::<IpAddr>().is_ok();
    }
    if rest.ends_with("_SERVICE_PORT") || rest.contains("_SERVICE_PORT_") {
        return is_number;
    }
    if rest.ends_with("_PORT") && is_address {
        return true;
    }
    let Some((_, port)) = rest.rsplit_once("_PORT_") else { return false };
    let mut parts = port.split('_');
    let (number, protocol, of) = (parts.next(), parts.next(), parts.next());
    let is_port = number.is_some_and(|number| number.parse::<u16>().is_ok());
    let is_protocol = protocol.is_some_and(|protocol| ["TCP", "UDP", "SCTP"].contains(&protocol));
    let fits = match of {
        None => is_address,
        Some(of) => ["PROTO", "PORT", "ADDR"].contains(&of),
    };
    is_port && is_protocol && fits && parts.next().is_none()
}

/// A value as a variable holds it. Space around it comes from files and means nothing; quotes come from files too, and
/// would be taken for a part of the value.
fn scalar(text: &str) -> Result<String, String> {
    let text = text.trim();
    match in_quotes(text) {
        true => {
            Err("begins or ends with a quote: expected the bare value; Docker keeps the quotes of .env files"
                .to_owned())
        }
        false => Ok(text.to_owned()),
    }
}

/// A list as a variable holds it: in JSON, or texts between commas. Messages show no value: it may be a secret.
fn list(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim();
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|error| {
            let place = error.column();
            format!("is no JSON list of texts, by its character {place}: expected [\"a\", \"b\"] or a,b")
        });
    }
    let values: Vec<&str> = text.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
    // A variable that nothing filled would open what the keys of the file protect.
    if values.is_empty() {
        return Err("is empty: expected a list such as a,b, or no such variable".to_owned());
    }
    for (number, value) in (1..).zip(&values) {
        let found = match value {
            value if in_quotes(value) => "begins or ends with a quote",
            value if value.contains(';') => "has a semicolon",
            value if value.ends_with(']') && !value.contains('[') => "ends like a JSON list that does not begin",
            _ => continue,
        };
        return Err(format!("value {number} {found}: expected a,b or the JSON list [\"a\", \"b\"]"));
    }
    Ok(values.into_iter().map(str::to_owned).collect())
}

fn in_quotes(text: &str) -> bool {
    text.starts_with(['"', '\'']) || text.ends_with(['"', '\''])
}

#[cfg(test)]
mod tests;
