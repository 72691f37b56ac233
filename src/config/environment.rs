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
mod tests {
    use super::*;

    /// What the variables set, one `key=value` a line, or the message.
    fn settings(variables: &[(&str, &str)]) -> Result<String, String> {
        let (text, texts) = (Value::from("text"), Value::from(vec!["a"]));
        let known = [
            ("admin.port", &text),
            ("auth.keys", &texts),
            ("cors.origins", &texts),
            ("log.level", &text),
            ("model.path", &text),
            ("server.port", &text),
        ];
        let known = known.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let settings = read(variables, &known).map_err(|error| error.to_string())?;
        let line = |(key, value): (String, Value)| match value.clone().into_array() {
            Ok(values) => format!("{key}={:?}", values.iter().map(Value::to_string).collect::<Vec<_>>()),
            Err(_) => format!("{key}={value}"),
        };
        Ok(settings.into_iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn lists_are_read_as_json_or_between_commas() {
        for text in ["first,second", " first , second, ", r#"["first","second"]"#, "\n[ \"first\", \"second\" ]\r\n"] {
            let expected = "auth.keys=[\"first\", \"second\"]";
            assert_eq!(settings(&[("SLIREC__AUTH__KEYS", text)]).as_deref(), Ok(expected), "{text}");
        }
        let strange = r#"["it's; a, key"]"#;
        assert_eq!(settings(&[("SLIREC__AUTH__KEYS", strange)]).as_deref(), Ok("auth.keys=[\"it's; a, key\"]"));
        let origins = "http://[::1],http://[::1]:3000";
        let expected = "cors.origins=[\"http://[::1]\", \"http://[::1]:3000\"]";
        assert_eq!(settings(&[("SLIREC__CORS__ORIGINS", origins)]).as_deref(), Ok(expected));
    }

    #[test]
    fn half_a_list_is_refused_without_its_values() {
        for (text, expected) in [
            ("", "is empty"),
            (" , ,", "is empty"),
            (r#"["secret""#, "is no JSON list of texts, by its character 9"),
            (r#"["secret",]"#, "is no JSON list of texts"),
            ("['secret']", "is no JSON list of texts, by its character 2"),
            ("[1]", "is no JSON list of texts"),
            (r#""secret","other""#, "value 1 begins or ends with a quote"),
            ("secret,'other'", "value 2 begins or ends with a quote"),
            (r#""secret,other""#, "value 1 begins or ends with a quote"),
            (r#"secret","other"]"#, "value 1 begins or ends with a quote"),
            ("secret,other]", "value 2 ends like a JSON list that does not begin"),
            ("secret;other", "value 1 has a semicolon"),
        ] {
            let message = settings(&[("SLIREC__AUTH__KEYS", text)]).unwrap_err();
            let expected = format!("the environment (SLIREC__…): `auth.keys`: {expected}");
            assert!(message.starts_with(&expected) && !message.contains("secret"), "{text}: {message}");
        }
    }

    #[test]
    fn the_space_of_files_is_dropped_and_their_quotes_are_refused() {
        assert_eq!(
            settings(&[("SLIREC__MODEL__PATH", " models/my demo\r")]).as_deref(),
            Ok("model.path=models/my demo")
        );
        for text in ["\"9000\"", "'9000'", "\"9000", "9000'"] {
            let message = settings(&[("SLIREC__SERVER__PORT", text)]).unwrap_err();
            let expected =
                "the environment (SLIREC__…): `server.port`: begins or ends with a quote: expected the bare value";
            assert!(message.starts_with(expected), "{text}: {message}");
        }
    }

    #[test]
    fn unknown_variables_are_refused_with_the_closest_known_ones() {
        for (name, expected) in [
            (
                "SLIREC__SERVR__PORT",
                "the environment (SLIREC__…): unknown key `servr.port`: expected SLIREC__SERVER__PORT?",
            ),
            ("SLIREC__SERVER_PORT", "unknown key `server_port`: expected SLIREC__SERVER__PORT?"),
            ("SLIREC___SERVER__PORT", "unknown key `_server.port`: expected SLIREC__SERVER__PORT?"),
            ("SLIREC_SERVER__PORT", "unknown variable SLIREC_SERVER__PORT: expected SLIREC__SERVER__PORT?"),
            ("SLIREC_SERVER_PORT", "unknown variable SLIREC_SERVER_PORT: expected SLIREC__SERVER__PORT?"),
            ("SLIREC_PORT", "unknown variable SLIREC_PORT: expected SLIREC__ADMIN__PORT or SLIREC__SERVER__PORT?"),
            ("SLIRECX__SERVER__PORT", "unknown variable SLIRECX__SERVER__PORT: expected SLIREC__SERVER__PORT?"),
            ("SLIREC.SERVER.PORT", "unknown variable SLIREC.SERVER.PORT: "),
            ("slirec_log_level", "unknown variable slirec_log_level: expected SLIREC__LOG__LEVEL?"),
            ("SLIREC_COLOUR", "unknown variable SLIREC_COLOUR: config/server.toml lists all keys"),
            ("SLIREC__", "unknown key ``: config/server.toml lists all keys"),
            ("SLIREC", "unknown variable SLIREC: config/server.toml lists all keys"),
            ("SLREC__SERVER__PORT", "unknown variable SLREC__SERVER__PORT: expected SLIREC__SERVER__PORT?"),
            ("SLI_REC__LOG__LEVEL", "unknown variable SLI_REC__LOG__LEVEL: expected SLIREC__LOG__LEVEL?"),
            ("SLIERC_MODEL_PATH", "unknown variable SLIERC_MODEL_PATH: expected SLIREC__MODEL__PATH?"),
        ] {
            let message = settings(&[(name, "9000")]).unwrap_err();
            assert!(message.contains(expected), "{name}: {message}");
        }
        let (code, message) = ("x".repeat(100_000), "SLIREC_");
        assert!(settings(&[(&format!("{message}{code}"), "")]).unwrap_err().len() < 300);
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        for (name, value) in [
            ("SLIREC_PYTHON", "/usr/bin/python3"),
            ("SLIREC_PORT", "tcp://10.0.0.1:80"),
            ("SLIREC_SERVICE_HOST", "10.0.0.1"),
            ("SLIREC_SERVICE_PORT", "80"),
            ("SLIREC_SERVICE_PORT_HTTP", "80"),
            ("SLIREC_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("SLIREC_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("SLIREC_PORT_8080_TCP_PORT", "8080"),
            ("SLIREC_PORT_8080_TCP_PROTO", "tcp"),
            ("SLIREC_SERVER_PORT", "tcp://10.0.0.1:80"),
            ("SLIREC_SERVER_SERVICE_HOST", "fd00::1"),
            ("SLIREC_PORT_SERVICE_PORT_ADMIN", "9080"),
            ("SLIREC_CANARY_PORT_53_UDP", "udp://10.0.0.1:53"),
            ("SLICER_LOG_LEVEL", "info"),
            ("SLREC_COLOUR", "red"),
            ("MY_SLIREC__SERVER__PORT", "1"),
            ("", "1"),
        ] {
            assert_eq!(settings(&[(name, value)]).as_deref(), Ok(""), "{name}={value}");
        }
        for (name, value) in [("SLIREC_SERVICE_HOST", "here"), ("SLIREC_SERVICE_PORT", "http"), ("SLIREC_PORT", "9000")]
        {
            assert!(settings(&[(name, value)]).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn a_key_may_be_written_small_but_not_twice() {
        assert_eq!(settings(&[("slirec__log__level", "info")]).as_deref(), Ok("log.level=info"));
        let message = settings(&[("SLIREC__LOG__LEVEL", "info"), ("slirec__log__level", "warn")]).unwrap_err();
        assert!(message.contains("`log.level`: is set twice, also by slirec__log__level"), "{message}");
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_utf8_are_refused_in_a_setting_and_ignored_elsewhere() {
        use std::os::unix::ffi::OsStringExt;
        let text = Value::from("text");
        let known = BTreeMap::from([("model.path".to_owned(), &text)]);
        let bytes = || OsString::from_vec(vec![b'a', 0xff]);
        let read = |name: OsString| read([(name, bytes())], &known).map_err(|error| error.to_string());
        assert!(read("OTHER".into()).unwrap().is_empty() && read(bytes()).unwrap().is_empty());
        assert!(
            read("SLIREC__MODEL__PATH".into()).unwrap_err().contains("`model.path`: found bytes that are no UTF-8")
        );
    }
}
