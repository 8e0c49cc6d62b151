//! Which web pages may call the REST API from a browser.

use std::fmt;

use url::Url;

/// The origins from which a browser may call the REST API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CorsOrigins {
    /// No origin but the API's own.
    #[default]
    None,
    /// Every origin.
    Any,
    /// These origins; at least one.
    List(Vec<Origin>),
}

impl CorsOrigins {
    /// The origins that are written so: a star, or some separated by commas.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "" => Some(Self::None),
            "*" => Some(Self::Any),
            list => list
                .split(',')
                .map(|item| Origin::parse(item.trim()))
                .collect::<Option<_>>()
                .map(Self::List),
        }
    }
}

impl fmt::Display for CorsOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Any => f.write_str("*"),
            Self::List(origins) => {
                for (index, origin) in origins.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{}", origin.as_str())?;
                }
                Ok(())
            }
        }
    }
}

/// A web origin, exactly as a browser writes it in the `Origin` header: lower case, without the
/// scheme's own port, ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let (_, authority) = text.split_once("://")?;
        let origin_alone = !authority.is_empty() && !authority.contains(['/', '?', '#', '@', '\\']);
        (origin_alone && matches!(url.scheme(), "http" | "https"))
            .then(|| Self(url.origin().ascii_serialization()))
    }

    /// The origin as text, such as `https://console.example.com`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
