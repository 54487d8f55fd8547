//! The JSON schema of spec files, for editors: completion, documentation, and errors while typing.

use serde_json::{Map, Value as Json, json};

use super::{EnvSpec, FromNode, MemorySpec, MetaSpec, NetSpec, Record, record_schema};

/// The schema of `agent.algorithm` for the algorithm `T`, called `name`.
pub fn algorithm_schema<T: Record>(name: &str) -> Json {
    record_schema::<T>(Some(("name", name)))
}

/// The schema of a spec file. `algorithms` are the schemas of `agent.algorithm`, one for each
/// algorithm that is built.
pub fn json_schema(algorithms: Vec<Json>) -> Json {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "SLM-Lab spec file",
        "description": "Names of specs, each with a spec; keys that start with _ are free.",
        "type": "object",
        "patternProperties": { "^_": {} },
        "additionalProperties": { "$ref": "#/$defs/spec" },
        "$defs": {
            "spec": spec_schema(),
            "agent": agent_schema(),
            "algorithm": { "oneOf": Json::Array(algorithms) },
            "memory": MemorySpec::schema(),
            "net": NetSpec::schema(),
            "env": EnvSpec::schema(),
            "meta": MetaSpec::schema(),
        },
    })
}

fn spec_schema() -> Json {
    let search = json!({ "type": "object", "description": "What a search varies." });
    let properties = Map::from_iter([
        ("name".to_owned(), json!({ "type": "string" })),
        ("agent".to_owned(), json!({ "$ref": "#/$defs/agent" })),
        ("env".to_owned(), json!({ "$ref": "#/$defs/env" })),
        ("meta".to_owned(), json!({ "$ref": "#/$defs/meta" })),
        ("search".to_owned(), search),
    ]);
    json!({
        "type": "object",
        "properties": properties,
        "required": ["agent", "env", "meta"],
        "additionalProperties": false,
    })
}

fn agent_schema() -> Json {
    let net =
        json!({ "anyOf": [{ "$ref": "#/$defs/net" }, { "type": "object", "maxProperties": 0 }] });
    json!({
        "type": "object",
        "description": "The learner.",
        "properties": {
            "name": { "type": "string", "description": "A free label." },
            "algorithm": { "$ref": "#/$defs/algorithm" },
            "memory": { "$ref": "#/$defs/memory" },
            "net": net,
            "critic_net": net,
        },
        "required": ["algorithm"],
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{ScheduleSpec, spec};
    use super::*;

    spec! {
        /// An algorithm.
        struct ToySpec {
            /// Discount.
            gamma: f64 = required, in 0.0..=1.0;
            /// Entropy.
            entropy_coef_spec: Option<ScheduleSpec> = nullable;
        }
    }

    #[test]
    fn the_schema_documents_every_section() {
        let schema = json_schema(vec![algorithm_schema::<ToySpec>("Toy")]);
        let defs = &schema["$defs"];
        let toy = &defs["algorithm"]["oneOf"][0]["properties"];
        assert_eq!(toy["name"], json!({"const": "Toy"}));
        assert_eq!(toy["gamma"]["description"], "Discount.");
        let entropy = &toy["entropy_coef_spec"];
        assert_eq!(entropy["type"], json!(["object", "null"]));
        assert_eq!(defs["env"]["properties"]["num_envs"]["default"], json!(1));
        assert_eq!(defs["meta"]["properties"]["max_session"]["minimum"], json!(1));
        assert_eq!(defs["net"]["oneOf"][0]["properties"]["type"], json!({"const": "MLPNet"}));
        assert_eq!(schema["patternProperties"]["^_"], json!({}));
    }
}
