//! `spec!`: the declaration that says everything about a mapping of keys once.

/// Declares a record: a mapping with known keys.
///
/// Each key is `name: Type = kind;` with a doc comment, where `kind` is `required`, `nullable` (an
/// `Option` that is `None` when absent), `default(value)` or `flatten` (the keys of another
/// record) or `rest` (all other keys, as `Kwargs`); `, in range` after it bounds numbers, and
/// `name as "key"` gives a field another name than its key. From this come the struct, reading
/// with positions, writing with defaults filled in, and the JSON schema. After the struct may
/// follow `ignored { key: "why"; }`, keys that specs set although nothing reads them, and
/// `check function;`, a rule `fn(&Self, &mut Fields) -> bool` over several keys that notes an
/// error and says `false` when it is broken.
macro_rules! spec {
    (
        $(#[doc = $doc:expr])*
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $field_doc:expr])*
                $field:ident $(as $key:literal)? : $type:ty
                    = $kind:ident $(($default:expr))? $(, in $range:expr)?;
            )*
        }
        $(ignored { $($old:ident : $why:expr;)* })?
        $(check $check:path;)?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $( $(#[doc = $field_doc])* pub $field: $type, )*
        }

        impl $crate::config::Record for $name {
            const DOC: &'static [&'static str] = &[$($doc),*];

            #[allow(unused_variables, reason = "a record may have no keys")]
            fn read(fields: &mut $crate::config::Fields<'_>) -> Option<Self> {
                $(
                    let $field = $crate::config::spec!(
                        @read fields, [$field $($key)?], $type,
                        $kind $(($default))? $(, in $range)?
                    );
                )*
                $($( fields.ignore(stringify!($old), $why); )*)?
                let record = Self { $($field: $field?,)* };
                $( if !$check(&record, fields) { return None; } )?
                Some(record)
            }

            #[allow(unused_variables, reason = "a record may have no keys")]
            fn write(&self, out: &mut serde_json::Map<String, serde_json::Value>) {
                $( $crate::config::spec!(@write out, self.$field, [$field $($key)?], $kind); )*
            }

            #[allow(unused_variables, reason = "a record may have no keys")]
            fn describe(schema: &mut $crate::config::RecordSchema) {
                $(
                    $crate::config::spec!(
                        @describe schema, [$($field_doc),*], [$field $($key)?], $type,
                        $kind $(($default))? $(, in $range)?
                    );
                )*
                $($( schema.ignored(stringify!($old), $why); )*)?
            }
        }

        impl $crate::config::FromNode for $name {
            fn from_node(
                node: &$crate::config::Node,
                found: &mut $crate::config::Diagnostics,
            ) -> Option<Self> {
                $crate::config::read_record(node, found)
            }

            fn schema() -> serde_json::Value {
                $crate::config::record_schema::<Self>(None)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut out = serde_json::Map::new();
                $crate::config::Record::write(self, &mut out);
                out.serialize(serializer)
            }
        }
    };

    (@key [$field:ident]) => { stringify!($field) };
    (@key [$field:ident $key:literal]) => { $key };

    (@read $fields:ident, $key:tt, $type:ty, flatten) => {
        <$type as $crate::config::Record>::read($fields)
    };
    (@read $fields:ident, $key:tt, $type:ty, rest) => {
        Some($fields.rest())
    };
    (@read $fields:ident, $key:tt, $type:ty, $kind:ident $(($default:expr))?, in $range:expr) => {{
        let value = $crate::config::spec!(@read $fields, $key, $type, $kind $(($default))?);
        $fields.within($crate::config::spec!(@key $key), value, &$range)
    }};
    (@read $fields:ident, $key:tt, $type:ty, required) => {
        $fields.required::<$type>($crate::config::spec!(@key $key))
    };
    (@read $fields:ident, $key:tt, $type:ty, nullable) => {
        $fields.or_default::<$type>($crate::config::spec!(@key $key), || None)
    };
    (@read $fields:ident, $key:tt, $type:ty, default($default:expr)) => {
        $fields.or_default::<$type>($crate::config::spec!(@key $key), || $default)
    };

    (@write $out:ident, $value:expr, $key:tt, flatten) => {
        $crate::config::Record::write(&$value, $out)
    };
    (@write $out:ident, $value:expr, $key:tt, rest) => {
        $out.extend($value.clone())
    };
    (@write $out:ident, $value:expr, $key:tt, $kind:ident) => {
        $out.insert(
            $crate::config::spec!(@key $key).to_owned(),
            $crate::config::to_json(&$value),
        )
    };

    (@describe $schema:ident, $doc:tt, $key:tt, $type:ty, flatten) => {
        <$type as $crate::config::Record>::describe($schema)
    };
    (@describe $schema:ident, $doc:tt, $key:tt, $type:ty, rest) => {
        $schema.open()
    };
    (
        @describe $schema:ident, $doc:tt, $key:tt, $type:ty,
        $kind:ident $(($default:expr))? $(, in $range:expr)?
    ) => {{
        let value = <$type as $crate::config::FromNode>::schema();
        $( let value = $crate::config::within_schema::<$type>(value, &$range); )?
        let default = $crate::config::spec!(@default $type, $kind $(($default))?);
        $schema.key($crate::config::spec!(@key $key), value, &$doc, default);
    }};

    (@default $type:ty, required) => { None };
    (@default $type:ty, nullable) => { Some(serde_json::Value::Null) };
    (@default $type:ty, default($default:expr)) => {{
        let default: $type = $default;
        Some($crate::config::to_json(&default))
    }};
}

pub(crate) use spec;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Diagnostics, Fields, FromNode, Kwargs, above, parse, to_json};
    use super::super::{spec_enum, spec_union};

    spec! {
        /// Extra keys.
        struct ExtraSpec {
            /// Widths.
            widths: Vec<usize> = default(vec![64]), in 1..;
        }
    }

    spec! {
        /// A spec
        /// of a test.
        struct DemoSpec {
            /// Discount.
            gamma: f64 = required, in 0.0..=1.0;
            /// Rate.
            lr: f64 = default(1e-3), in above(0.0);
            /// Kind.
            shape as "type": Option<ShapeSpec> = nullable;
            /// Mode.
            mode: ModeSpec = default(ModeSpec::Fast);
            extra: ExtraSpec = flatten;
        }
        ignored {
            speed: "it has no effect";
        }
        check slow_needs_small_steps;
    }

    fn slow_needs_small_steps(demo: &DemoSpec, fields: &mut Fields<'_>) -> bool {
        let ok = demo.mode == ModeSpec::Fast || demo.lr < 0.5;
        if !ok {
            let error = fields.node().error_in("lr", "slow mode needs a rate below 0.5");
            fields.found().error(error);
        }
        ok
    }

    spec! {
        /// Free keys.
        struct FreeSpec {
            /// Count.
            num_envs: usize = default(1);
            rest: Kwargs = rest;
        }
    }

    spec_enum! {
        /// How to go.
        enum ModeSpec: "mode", any case {
            /// Fast.
            Fast = "fast" | "quick",
            /// Slow.
            Slow = "slow",
        }
        not_built ["warp"]
    }

    spec! {
        /// A circle.
        struct CircleSpec {
            /// Radius.
            r: f64 = required;
        }
    }

    spec! {
        /// A point has no keys.
        struct PointSpec {}
    }

    spec_union! {
        /// A shape.
        enum ShapeSpec: "shape" by "name" {
            /// Round.
            Circle(CircleSpec) = "Circle",
            /// Nothing.
            Point(PointSpec) = "Point",
        }
        not_built ["Square"]
    }

    fn read(text: &str) -> (Option<DemoSpec>, Diagnostics) {
        let node = parse("t.yaml", text).unwrap();
        let mut found = Diagnostics::new();
        (DemoSpec::from_node(&node, &mut found), found)
    }

    #[test]
    fn defaults_fill_in_and_are_written_out() {
        let (demo, found) = read("gamma: 1\ntype: {name: Circle, r: 2}\nmode: QUICK");
        let demo = demo.unwrap();
        assert_eq!(found, Diagnostics::new());
        assert_eq!((demo.gamma, demo.lr, demo.mode), (1.0, 1e-3, ModeSpec::Fast));
        let saved = json!({
            "gamma": 1.0, "lr": 0.001, "type": {"name": "Circle", "r": 2.0}, "mode": "fast",
            "widths": [64]
        });
        assert_eq!(to_json(&demo), saved);
        let (again, _) = read(&saved.to_string());
        assert_eq!(again, Some(demo));
    }

    #[test]
    fn a_rule_over_several_keys_points_at_the_key_it_blames() {
        let (demo, found) = read("gamma: 1\nmode: slow\nlr: 0.7");
        assert_eq!(demo, None);
        assert_eq!((found.errors[0].path.as_str(), found.errors[0].at.line), ("lr", 3));
    }

    #[test]
    fn free_keys_are_kept_as_they_are() {
        let node = parse("t.yaml", "num_env: 3\ncontinuous: true\nbad: [1]").unwrap();
        let mut found = Diagnostics::new();
        let free = FreeSpec::from_node(&node, &mut found).unwrap();
        assert_eq!(
            to_json(&free),
            json!({"num_envs": 1, "num_env": 3, "continuous": true, "bad": [1]})
        );
        assert_eq!(found, Diagnostics::new());
    }

    #[test]
    fn null_stands_for_the_default() {
        let (demo, _) = read("gamma: 0.5\nlr: null\ntype: null\nmode: ~\nwidths: ~");
        let (plain, _) = read("gamma: 0.5");
        assert_eq!(demo, plain);
        assert!(demo.is_some());
    }

    #[test]
    fn every_error_is_found_at_its_own_place() {
        let (demo, found) =
            read("gamma: 1.5\nlr: 0\ntype:\n  name: Circl\nmode: 3\nwidths: [1, x, 0]\n");
        assert_eq!(demo, None);
        let said: Vec<(u32, u32, &str)> =
            found.errors.iter().map(|e| (e.at.line, e.at.column, e.message.as_str())).collect();
        assert_eq!(
            said,
            [
                (1, 8, "expected a number from 0 to 1, found 1.5"),
                (2, 5, "expected a number above 0, found 0"),
                (4, 9, "unknown shape `Circl`"),
                (5, 7, "expected the name of a known mode, found 3"),
                (6, 13, "expected a whole number of at least 0, found the text \"x\""),
            ]
        );
        let help = found.errors[2].help.as_deref();
        assert_eq!(help, Some("did you mean `Circle`? (one of Circle, Point, Square)"));
    }

    #[test]
    fn a_missing_key_names_its_misspelling_and_unknown_keys_warn() {
        let (_, found) = read("gama: 0.9\nspeed: 3\ncolour: red");
        assert_eq!(found.errors[0].message, "the key `gamma` is missing");
        assert_eq!(found.errors[0].path, "gamma");
        assert_eq!(found.errors[0].help.as_deref(), Some("is `gama` a misspelling of it?"));
        let warnings: Vec<&str> = found.warnings.iter().map(|w| w.message.as_str()).collect();
        assert_eq!(
            warnings,
            [
                "unknown key `gama`, which nothing reads",
                "the key `speed` is not read: it has no effect",
                "unknown key `colour`, which nothing reads"
            ]
        );
        assert_eq!(found.warnings[0].help.as_deref(), Some("did you mean `gamma`?"));
    }

    #[test]
    fn what_is_not_built_is_told_apart_from_what_is_unknown() {
        let (demo, found) = read("gamma: 1\nmode: WARP\ntype: {name: Square, side: 3}");
        assert_eq!((demo, found.errors.len(), found.warnings.len()), (None, 0, 0));
        let features: Vec<&str> = found.unavailable.iter().map(|u| u.feature.as_str()).collect();
        assert_eq!(features, ["shape Square", "mode warp"]);
    }

    #[test]
    fn the_schema_says_types_bounds_defaults_and_documentation() {
        let schema = DemoSpec::schema();
        assert_eq!(schema["description"], "A spec of a test.");
        assert_eq!(schema["required"], json!(["gamma"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        let gamma = &schema["properties"]["gamma"];
        assert_eq!((&gamma["minimum"], &gamma["maximum"]), (&json!(0.0), &json!(1.0)));
        assert_eq!(gamma["description"], "Discount.");
        assert_eq!(schema["properties"]["lr"]["default"], json!(0.001));
        assert_eq!(schema["properties"]["widths"]["items"]["minimum"], json!(1));
        assert_eq!(schema["properties"]["speed"]["deprecated"], json!(true));
        let circle = &schema["properties"]["type"]["anyOf"][0]["oneOf"][0];
        assert_eq!(circle["properties"]["name"], json!({"const": "Circle"}));
    }

    #[test]
    fn something_else_than_a_mapping_is_one_error() {
        let (demo, found) = read("[1, 2]");
        assert_eq!((demo, found.errors.len()), (None, 1));
        assert_eq!(found.errors[0].message, "expected a mapping of keys, found a list of 2");
    }
}
