use poem::http::StatusCode;

use crate::problem::Problem;

/// Arrays and objects that may lie in each other. Our deepest document has 4.
const DEEPEST: usize = 32;

/// Refuses what lies too deep, before anything is made of it. Counts brackets outside of strings; whether they fit
/// each other is the parser's to say.
pub fn check(bytes: &[u8]) -> Result<(), Problem> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "request.too_deep", "The body is nested too deep")
                .detail(format!("At most {DEEPEST} arrays and objects may lie in each other.")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}1{}", "[{\"a\":".repeat(depth / 2), "}]".repeat(depth / 2))
    }

    #[test]
    fn the_deepest_that_is_allowed_passes_and_one_more_does_not() {
        assert!(check(nested(32).as_bytes()).is_ok());
        assert!(check(format!("[{}]", nested(32)).as_bytes()).is_err());
        assert!(check("[".repeat(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn brackets_in_strings_are_no_depth() {
        let text = r#"{"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ \" [[[[[[[[","b":"\\","c":[1]}"#;
        assert!(check(text.as_bytes()).is_ok());
        let siblings = format!("[{}1]", "[[1],{}],".repeat(1_000));
        assert!(check(siblings.as_bytes()).is_ok());
    }
}
