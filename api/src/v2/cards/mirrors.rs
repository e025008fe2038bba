//! Enums of the domain as the documents show them. Their values are spelt where the domain has them, and nowhere else.

/// Makes a type that is written and read as the domain's is, and has a name and a description in the documents.
macro_rules! mirrors {
    ($name:ident of $domain:ty, $doc:expr) => {
        #[doc = $doc]
        #[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub(super) struct $name($domain);

        impl From<$domain> for $name {
            fn from(value: $domain) -> $name {
                $name(value)
            }
        }

        impl From<$name> for $domain {
            fn from(value: $name) -> $domain {
                value.0
            }
        }

        impl poem_openapi::types::Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Reference(stringify!($name).to_owned())
            }

            fn register(registry: &mut poem_openapi::registry::Registry) {
                registry.create_schema::<Self, _>(stringify!($name).to_owned(), |_| {
                    poem_openapi::registry::MetaSchema {
                        description: Some($doc),
                        enum_items: <$domain>::ALL.iter().map(|value| value.as_str().into()).collect(),
                        ..poem_openapi::registry::MetaSchema::new("string")
                    }
                });
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl poem_openapi::types::ParseFromJSON for $name {
            fn parse_from_json(value: Option<serde_json::Value>) -> poem_openapi::types::ParseResult<Self> {
                let value = value.unwrap_or_default();
                let known = value.as_str().and_then(<$domain>::parse);
                known.map($name).ok_or_else(|| poem_openapi::types::ParseError::expected_type(value))
            }
        }

        impl poem_openapi::types::ToJSON for $name {
            fn to_json(&self) -> Option<serde_json::Value> {
                Some(self.0.as_str().into())
            }
        }
    };
}
pub(super) use mirrors;
