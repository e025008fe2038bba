use url::form_urlencoded::byte_serialize;

use crate::wiped::WipedBuffer;

/// A form body as Stripe reads it: nested fields by brackets, `billing[address][city]=Paris`, and lists by empty ones,
/// `expand[]=number`. It holds names and addresses for a moment, so it is overwritten when dropped.
pub(super) struct Form(WipedBuffer);

impl Form {
    pub fn new() -> Form {
        Form(WipedBuffer::with_capacity(512))
    }

    /// Adds a field. Brackets of `name` are sent percent-encoded, as everything that is not plain.
    pub fn field(mut self, name: &str, value: &str) -> Form {
        if !self.0.as_slice().is_empty() {
            self.0.extend(b"&");
        }
        byte_serialize(name.as_bytes()).for_each(|part| self.0.extend(part.as_bytes()));
        self.0.extend(b"=");
        byte_serialize(value.as_bytes()).for_each(|part| self.0.extend(part.as_bytes()));
        self
    }

    pub fn into_body(self) -> WipedBuffer {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_joined_and_encoded() {
        let form = Form::new().field("type", "virtual").field("metadata[card_id]", "a b&c=ü");
        assert_eq!(form.into_body().as_slice(), b"type=virtual&metadata%5Bcard_id%5D=a+b%26c%3D%C3%BC");
    }
}
