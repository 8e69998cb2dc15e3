//! The times of a JSON Web Token (RFC 7519). Nothing else of it is read, and no signature is checked.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

/// When a token was issued and when it ends, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenTimes {
    /// `iat`.
    pub issued_at: Option<u64>,
    /// `exp`.
    pub expires_at: Option<u64>,
}

/// `None` for what is no token.
#[must_use]
pub(crate) fn token_times(bytes: &[u8]) -> Option<TokenTimes> {
    let mut parts = bytes.trim_ascii().split(|byte| *byte == b'.');
    let claims = parts.nth(1)?;
    let claims = BASE64URL_NOPAD.decode(claims).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let time = |name: &str| {
        let time = claims.get(name)?;
        time.as_u64()
    };
    Some(TokenTimes {
        issued_at: time("iat"),
        expires_at: time("exp"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(claims: &str) -> Option<TokenTimes> {
        let claims = BASE64URL_NOPAD.encode(claims.as_bytes());
        token_times(format!("eyJhbGciOiJSUzI1NiJ9.{claims}.c2ln\n").as_bytes())
    }

    #[test]
    fn the_times_are_read() {
        let times = of(r#"{"exp":1700003600,"iat":1700000000,"sub":"x"}"#).unwrap();
        assert_eq!(
            (times.issued_at, times.expires_at),
            (Some(1_700_000_000), Some(1_700_003_600))
        );
        assert_eq!(of(r#"{"sub":"x"}"#).unwrap().expires_at, None);
        assert_eq!(of(r#"{"exp":-1}"#).unwrap().expires_at, None);
        assert_eq!(of("[1]").unwrap().expires_at, None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_times_or_none(bytes: Vec<u8>) {
            let _ = token_times(&bytes);
        }
    }
}
