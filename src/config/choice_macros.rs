//! `spec_enum!` and `spec_union!`: choices by name, declared once.

/// Declares an enumeration of names: `enum Name: "noun" { Variant = "name", … }`.
///
/// `any case` after the noun ignores upper and lower case. A `not_built [..]` list names what
/// SLM-Lab knows beyond them.
macro_rules! spec_enum {
    (
        $(#[doc = $doc:expr])*
        $vis:vis enum $name:ident : $noun:literal $(, $any:ident case)? {
            $( $(#[doc = $variant_doc:expr])* $variant:ident = $tag:literal $(| $alias:literal)*, )*
        }
        $(not_built [$($missing:literal),* $(,)?])?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $( $(#[doc = $variant_doc])* $variant, )*
        }

        impl $name {
            const NAMES: $crate::config::Names = $crate::config::Names {
                noun: $noun,
                any_case: $crate::config::spec_enum!(@any $($any)?),
                names: &[$(($tag, &[$($alias),*])),*],
                not_built: &[$($($missing),*)?],
            };

            /// The name by which specs call it.
            $vis fn name(self) -> &'static str {
                match self { $( Self::$variant => $tag, )* }
            }
        }

        impl $crate::config::FromNode for $name {
            fn from_node(
                node: &$crate::config::Node,
                found: &mut $crate::config::Diagnostics,
            ) -> Option<Self> {
                match Self::NAMES.read(node, found)? {
                    $( $tag => Some(Self::$variant), )*
                    _ => None,
                }
            }

            fn schema() -> serde_json::Value {
                Self::NAMES.schema()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };

    (@any any) => { true };
    (@any) => { false };
}

/// Declares a choice between records by a key: `enum Name: "noun" by "name" { Variant(Record) = "name", … }`.
///
/// `any case` and `not_built [..]` as for `spec_enum!`.
macro_rules! spec_union {
    (
        $(#[doc = $doc:expr])*
        $vis:vis enum $name:ident : $noun:literal by $key:literal $(, $any:ident case)? {
            $( $(#[doc = $variant_doc:expr])* $variant:ident($record:ty) = $tag:literal $(| $alias:literal)*, )*
        }
        $(not_built [$($missing:literal),* $(,)?])?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        $vis enum $name {
            $( $(#[doc = $variant_doc])* $variant($record), )*
        }

        impl $name {
            const NAMES: $crate::config::Names = $crate::config::Names {
                noun: $noun,
                any_case: $crate::config::spec_enum!(@any $($any)?),
                names: &[$(($tag, &[$($alias),*])),*],
                not_built: &[$($($missing),*)?],
            };

            /// The name by which specs call it.
            $vis fn name(&self) -> &'static str {
                match self { $( Self::$variant(_) => $tag, )* }
            }
        }

        impl $crate::config::FromNode for $name {
            fn from_node(
                node: &$crate::config::Node,
                found: &mut $crate::config::Diagnostics,
            ) -> Option<Self> {
                match Self::NAMES.read_tag(node, $key, found)? {
                    $( $tag => $crate::config::read_tagged(node, $key, found).map(Self::$variant), )*
                    _ => None,
                }
            }

            fn schema() -> serde_json::Value {
                Self::NAMES.union_schema(
                    &[$($doc),*],
                    $key,
                    vec![$($crate::config::record_schema::<$record>(Some(($key, $tag)))),*],
                )
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut out = serde_json::Map::new();
                out.insert($key.to_owned(), self.name().into());
                match self { $( Self::$variant(record) => $crate::config::Record::write(record, &mut out), )* }
                out.serialize(serializer)
            }
        }
    };
}

pub(crate) use {spec_enum, spec_union};
