//! Registered models and their versions.

use axum::http::Method;
use serde_json::{Value, json};

use super::{Answer, Input, Model, Store, Version, pairs, tags, text};

impl Store {
    pub(super) fn register(&mut self, input: Input<'_>) -> Answer {
        let name = required!(input, "name");
        if !self.is_old && name.contains(['/', ':']) {
            return Answer::invalid("Names cannot contain '/' or ':'.");
        }
        if self.models.contains_key(&name) {
            return Answer::error(400, "RESOURCE_ALREADY_EXISTS", "already exists");
        }
        self.models.insert(name.clone(), Model::default());
        Answer::json(&json!({"registered_model": {"name": name, "creation_timestamp": 1, "last_updated_timestamp": 1}}))
    }

    pub(super) fn registered_model(&self, input: Input<'_>) -> Answer {
        let name = required!(input, "name");
        let Some(model) = self.models.get(&name) else { return Answer::missing("model") };
        let alias = |(alias, version): (&String, &String)| json!({"alias": alias, "version": version});
        let aliases: Vec<Value> = model.aliases.iter().map(alias).collect();
        Answer::json(&json!({"registered_model": {"name": name, "aliases": aliases}}))
    }

    pub(super) fn alias(&mut self, method: &Method, input: Input<'_>) -> Answer {
        let (name, alias) = (required!(input, "name"), required!(input, "alias"));
        let is_number = alias.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        if alias.eq_ignore_ascii_case("latest") || is_number {
            return Answer::invalid("alias name is reserved.");
        }
        if input.get("version").is_some_and(|version| !version.is_string()) {
            return Answer::invalid("Invalid value for parameter 'version'");
        }
        let Some(model) = self.models.get_mut(&name) else { return Answer::missing("model") };
        match method.as_str() {
            "GET" => match model.aliases.get(&alias) {
                Some(number) => {
                    let version = &model.versions[number.parse::<usize>().unwrap() - 1];
                    let number = self.shown_number.as_ref().unwrap_or(number);
                    let mut shown = shown_version(&name, number, version);
                    shown["aliases"] = json!([alias]);
                    Answer::json(&json!({"model_version": shown}))
                }
                None => Answer::invalid("Registered model alias not found."),
            },
            "DELETE" => {
                model.aliases.remove(&alias);
                Answer::json(&json!({}))
            }
            _ => {
                let version = required!(input, "version");
                if version.parse::<usize>().is_ok_and(|number| number > 0 && number <= model.versions.len()) {
                    model.aliases.insert(alias, version);
                    return Answer::json(&json!({}));
                }
                Answer::missing("version")
            }
        }
    }

    pub(super) fn create_version(&mut self, input: Input<'_>) -> Answer {
        let (name, source) = (required!(input, "name"), required!(input, "source"));
        let run_id = text(input, "run_id").unwrap_or_default().to_owned();
        if source.contains("..") || source.starts_with('/') || !self.is_old && run_id.is_empty() {
            return Answer::invalid("Invalid model version source");
        }
        let Some(model) = self.models.get_mut(&name) else { return Answer::missing("model") };
        let status = if source.starts_with("runs:") { "PENDING_REGISTRATION" } else { "READY" }.to_owned();
        let version = Version { source, run_id, status, tags: pairs(input, "tags") };
        model.versions.push(version.clone());
        let number = model.versions.len().to_string();
        Answer::json(&json!({"model_version": shown_version(&name, &number, &version)}))
    }

    pub(super) fn version(&mut self, input: Input<'_>, act: impl FnOnce(&str, &mut Version) -> Value) -> Answer {
        let (name, number) = (required!(input, "name"), required!(input, "version"));
        let place = number.parse::<usize>().unwrap_or(0).wrapping_sub(1);
        match self.models.get_mut(&name).and_then(|model| model.versions.get_mut(place)) {
            Some(version) => Answer::json(&act(&number, version)),
            None => Answer::missing("version"),
        }
    }

    /// In pages of two.
    pub(super) fn search_versions(&self, input: Input<'_>) -> Answer {
        let filter = required!(input, "filter");
        let name = filter.strip_prefix("name='").and_then(|rest| rest.strip_suffix('\'')).unwrap();
        let first: usize = text(input, "page_token").map_or(0, |token| token.parse().unwrap());
        let versions = self.models.get(name).map(|model| model.versions.as_slice()).unwrap_or_default();
        let page = versions.iter().enumerate().skip(first).take(2);
        let page: Vec<Value> =
            page.map(|(place, found)| shown_version(name, &(place + 1).to_string(), found)).collect();
        let mut answer = json!({"model_versions": page});
        if first + 2 < versions.len() {
            answer["next_page_token"] = json!((first + 2).to_string());
        }
        Answer::json(&answer)
    }
}

pub(super) fn shown_version(name: &str, number: &str, version: &Version) -> Value {
    let mut shown = json!({"name": name, "version": number, "creation_timestamp": 1, "last_updated_timestamp": 1,
        "source": version.source, "run_id": version.run_id, "status": version.status});
    if !version.tags.is_empty() {
        shown["tags"] = tags(&version.tags);
    }
    shown
}
