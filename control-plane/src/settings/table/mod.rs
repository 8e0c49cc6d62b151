//! The table of settings: one row each. The parser, `--help`, `flowguard settings` and the messages
//! about a value that is wrong are all made of it.

mod auth;
mod charge;
mod clients;
mod data;
mod filter;
mod log;
mod network;
mod refusal;
mod store;
mod tls;

use std::{fmt, num::NonZeroU16};

pub(crate) use network::{
    CONFIG_PORT, DECISION_PORT, ENVOY_ADMIN_PORT, GRPC_PORT, HEALTH_PORT, METRICS_PORT, PROXY_PORT,
};

use super::{GivenText, NotAllowed, Settings, field::Field};

/// One setting. Its default stands in the `impl Default` of the configuration that it fills.
pub struct Setting {
    /// The environment variable, with `FLOWGUARD_` before it or without; also the setting's name in
    /// every message.
    pub name: &'static str,
    /// The command line flag, where it has one.
    pub flag: Option<Flag>,
    /// What the setting is for.
    pub meaning: &'static str,
    /// How much of a refused value may be repeated.
    pub echo: Echo,
    /// What it fills, which also knows which values are allowed.
    fills: &'static dyn Field,
}

/// A flag of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Without its dashes.
    pub name: &'static str,
    /// What stands for the value in its help.
    pub placeholder: &'static str,
    /// How often it may be given.
    pub times: Times,
}

/// How often a flag may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Once.
    Once,
    /// For each entry of a list.
    Repeatedly,
}

/// How much of a value may be repeated in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// All of it.
    Whole,
    /// Nothing that may be a password or a key.
    WithoutSecrets,
}

impl Setting {
    /// All settings, in the order in which they are read and shown.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        [
            network::ROWS,
            auth::ROWS,
            tls::ROWS,
            log::ROWS,
            filter::ROWS,
            refusal::ROWS,
            charge::ROWS,
            clients::ROWS,
            data::ROWS,
            store::ROWS,
        ]
        .into_iter()
        .flatten()
        .copied()
    }

    /// The setting by all its names, such as `PROXY_PORT (--proxy-port)`.
    pub fn names(&self) -> String {
        match self.flag {
            Some(flag) => format!("{} (--{})", self.name, flag.name),
            None => self.name.to_owned(),
        }
    }

    /// Which values are allowed, as it is said after one that is not.
    pub fn allowed(&self) -> String {
        self.fills.allowed()
    }

    /// Its value in `settings`, as it is written; `None` where it has no effect.
    pub fn show(&self, settings: &Settings) -> Option<String> {
        self.fills.show(settings)
    }

    /// Puts what was given into `settings`.
    pub(super) fn read(&self, settings: &mut Settings, given: GivenText) -> Result<(), NotAllowed> {
        let Some(text) = given.value.to_str() else {
            let allowed = self.allowed();
            return Err(NotAllowed::setting(self, given, allowed));
        };
        if self.fills.read(settings, text).is_some() {
            return Ok(());
        }
        let allowed = self.fills.allowed_instead_of(text);
        Err(NotAllowed::setting(self, given, allowed))
    }

    /// The port that is listened on by it, if it is a port and not any free one.
    pub(super) fn port(&self, settings: &Settings) -> Option<NonZeroU16> {
        self.fills.port(settings)
    }
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Setting {}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Rows of the table: a constant each, by which messages name it, and all of them in order.
macro_rules! rows {
    ($(
        $name:ident {
            fills: $field:expr,
            $(flag: $flag:literal $placeholder:ident $($repeatedly:ident)?,)?
            meaning: $meaning:literal,
            $(echo: $echo:ident,)?
        }
    )+) => {
        $(pub(crate) static $name: $crate::settings::Setting = $crate::settings::Setting {
            name: stringify!($name),
            // What the row says comes first, what holds otherwise comes last.
            flag: [
                $(Some($crate::settings::Flag {
                    name: $flag,
                    placeholder: stringify!($placeholder),
                    times: [
                        $($crate::settings::table::times!($repeatedly),)?
                        $crate::settings::Times::Once,
                    ][0],
                }),)?
                None,
            ][0],
            meaning: $meaning,
            echo: [$($crate::settings::Echo::$echo,)? $crate::settings::Echo::Whole][0],
            fills: $field,
        };)+

        pub(super) static ROWS: &[&$crate::settings::Setting] = &[$(&$name),+];
    };
}

/// The word behind a flag that may be given for each entry of a list.
macro_rules! times {
    (repeatedly) => {
        $crate::settings::Times::Repeatedly
    };
}

use rows;
use times;
