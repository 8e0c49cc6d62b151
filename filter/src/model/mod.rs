//! Which model a request is for, as its path or a header says; its body is not read. Any bytes may
//! arrive here: what is no name is none, and a request without one is not refused for it.

mod path;

use std::{borrow::Cow, fmt};

use proto::{
    model_name,
    plugin_config::{HeaderName, ModelFrom},
};

use crate::{
    header_map::{HeaderMap, Occurrence},
    request_line,
};

/// Where it is read which model a request is for.
#[derive(Clone, Debug)]
pub struct ModelSources {
    order: Vec<ModelFrom>,
    header: HeaderName,
}

impl ModelSources {
    /// These places, in the order in which they are tried; `header` is the name of that of
    /// [`ModelFrom::Header`].
    pub fn new(order: &[ModelFrom], header: &str) -> Result<Self, InvalidModelSources> {
        if !ModelFrom::are_an_order(order) {
            return Err(InvalidModelSources::Order);
        }
        let invalid = || InvalidModelSources::Header(header.to_owned());
        let header = HeaderName::parse(header).ok_or_else(invalid)?;
        Ok(Self { order: order.to_vec(), header })
    }

    /// The model's name, from the first place that has one.
    pub fn model<'a>(&self, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
        self.order.iter().find_map(|from| match from {
            ModelFrom::Path => request_line::target_path(headers).and_then(path::model),
            ModelFrom::Header => match headers.occurrence(self.header.as_str()) {
                Occurrence::One(value) => model_name(value.trim_ascii()).map(Cow::Borrowed),
                Occurrence::None | Occurrence::Many => None,
            },
        })
    }
}

/// Why places were refused.
#[derive(Debug, PartialEq, Eq)]
pub enum InvalidModelSources {
    /// None, or one of them twice.
    Order,
    /// The header's name, as it was given.
    Header(String),
}

impl fmt::Display for InvalidModelSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order => {
                write!(f, "model_from must have one or both of path and header, each once")
            }
            Self::Header(name) => {
                // Enough to recognize it by.
                let shown: String = name.chars().take(80).collect();
                let most = HeaderName::BYTES_MAX;
                write!(
                    f,
                    "model_header must be the name of a header, 1 to {most} characters of \
                     A-Z a-z 0-9 -, got {shown:?}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
