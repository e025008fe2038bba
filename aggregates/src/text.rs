//! Values that are written as a text: read by `FromStr`, written by `Display`, each said once.

/// Makes serde and the published schemas follow the two.
macro_rules! written_as_text {
    ($name:ident, $schema:tt) => {
        impl TryFrom<std::borrow::Cow<'_, str>> for $name {
            type Error = String;

            fn try_from(text: std::borrow::Cow<'_, str>) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}
pub(crate) use written_as_text;
