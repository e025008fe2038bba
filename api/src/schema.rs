/// Gives a type of ours the schema that the OpenAPI document shows for it.
macro_rules! described {
    ($name:ident, $schema:expr) => {
        impl poem_openapi::types::Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(self.as_raw_value().into_iter())
            }
        }
    };
}
pub(crate) use described;

/// For a type whose values are read and written by serde alone. poem-openapi's `Object` demands that its fields can
/// be read from a `serde_json::Value`, which [`crate::json::Json`] never does.
macro_rules! read_by_serde {
    ($name:ident) => {
        impl poem_openapi::types::ParseFromJSON for $name {
            fn parse_from_json(_: Option<serde_json::Value>) -> poem_openapi::types::ParseResult<Self> {
                Err(poem_openapi::types::ParseError::custom("bodies are read by serde"))
            }
        }

        /// For examples in the document.
        impl poem_openapi::types::ToJSON for $name {
            fn to_json(&self) -> Option<serde_json::Value> {
                serde_json::to_value(self).ok()
            }
        }
    };
}
pub(crate) use read_by_serde;
