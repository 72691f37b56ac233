//! Variables as operators write them enter; settings or messages leave.

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
    assert_eq!(settings(&[("SLIREC__MODEL__PATH", " models/my demo\r")]).as_deref(), Ok("model.path=models/my demo"));
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
    for (name, value) in [("SLIREC_SERVICE_HOST", "here"), ("SLIREC_SERVICE_PORT", "http"), ("SLIREC_PORT", "9000")] {
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
    assert!(read("SLIREC__MODEL__PATH".into()).unwrap_err().contains("`model.path`: found bytes that are no UTF-8"));
}
