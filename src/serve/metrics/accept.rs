//! Which form of metrics a client prefers: RFC 9110, section 12.5.1.

use hyper::HeaderMap;
use hyper::header::ACCEPT;

use crate::render::metrics::Form;

const OPEN_METRICS: &str = "application/openmetrics-text";
const TEXT: &str = "text/plain";

/// The form that the client prefers; the text format where it says nothing, or wants neither:
/// a scraper that gets something can say what is wrong with it.
pub(super) fn form(headers: &HeaderMap) -> Form {
    let mut open_metrics = Preference::NONE;
    let mut text = Preference::NONE;
    let lines = headers.get_all(ACCEPT).iter();
    let ranges = lines.filter_map(|line| line.to_str().ok());
    for range in ranges.flat_map(|line| line.split(',')) {
        let Some(range) = Range::parse(range) else {
            continue;
        };
        // Wildcards mean what is usual, and that is text.
        if range.kind == OPEN_METRICS && range.version.is_none_or(|version| version == "1.0.0") {
            open_metrics.take(2, range.quality);
        } else if range.kind == TEXT && range.version.is_none_or(|version| version == "0.0.4") {
            text.take(2, range.quality);
        } else if range.kind == "text/*" {
            text.take(1, range.quality);
        } else if range.kind == "*/*" {
            text.take(0, range.quality);
        }
    }
    if open_metrics.quality > 0 && open_metrics.quality >= text.quality {
        Form::OpenMetrics
    } else {
        Form::Text
    }
}

/// How much a form is wanted, by the most specific range that names it.
struct Preference {
    /// In thousandths.
    quality: u16,
    specific: Option<u8>,
}

impl Preference {
    const NONE: Self = Self {
        quality: 0,
        specific: None,
    };

    fn take(&mut self, specific: u8, quality: u16) {
        let same = self.specific == Some(specific);
        if same {
            self.quality = self.quality.max(quality);
        } else if self.specific < Some(specific) {
            self.specific = Some(specific);
            self.quality = quality;
        }
    }
}

/// One range of an Accept header.
struct Range<'a> {
    kind: String,
    version: Option<&'a str>,
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next()?.to_ascii_lowercase();
        let (mut version, mut quality) = (None, 1_000);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "version" => version = Some(value),
                "q" => quality = thousandths(value)?,
                _ => {}
            }
        }
        Some(Self {
            kind,
            version,
            quality,
        })
    }
}

/// `0.75` → 750; what is no weight makes its range count for nothing.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if rest.len() > 3 || !rest.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let rest: u16 = format!("{rest:0<3}").parse().ok()?;
    match (whole, rest) {
        ("0", rest) => Some(rest),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn preferred(accept: &str) -> Form {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
        form(&headers)
    }

    #[test]
    fn who_says_nothing_gets_text() {
        assert_eq!(form(&HeaderMap::new()), Form::Text);
        for accept in [
            "*/*",
            "text/plain",
            "text/*;q=0.1",
            "",
            "image/png",
            ";;,;q=x",
        ] {
            assert_eq!(preferred(accept), Form::Text, "{accept}");
        }
    }

    #[test]
    fn what_prometheus_sends_is_answered_with_openmetrics() {
        let accepts = [
            // 2.42
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            // 3.x
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8, text/plain",
        ];
        for accept in accepts {
            assert_eq!(preferred(accept), Form::OpenMetrics, "{accept}");
        }
    }

    #[test]
    fn weights_are_honoured() {
        let cases = [
            (
                "application/openmetrics-text;q=0.1,text/plain;q=0.2",
                Form::Text,
            ),
            (
                "application/openmetrics-text;q=0.201,text/plain;q=0.2",
                Form::OpenMetrics,
            ),
            ("application/openmetrics-text;q=0,*/*", Form::Text),
            ("application/openmetrics-text;q=0", Form::Text),
            ("application/openmetrics-text;version=0.0.1", Form::Text),
            ("application/openmetrics-text;q=0.3, */*", Form::Text),
            (
                "application/openmetrics-text;q=0.3, */*, text/plain;q=0.2",
                Form::OpenMetrics,
            ),
            ("application/openmetrics-text;q=9", Form::Text),
        ];
        for (accept, expected) in cases {
            assert_eq!(preferred(accept), expected, "{accept}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_answered(accept in "[ -~]{0,200}") {
            preferred(&accept);
        }
    }
}
