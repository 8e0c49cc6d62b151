//! What a setting fills: a field of a room's configuration.

use std::num::NonZeroU16;

use super::{Notation, Settings};

/// A field, whatever its type.
pub(super) trait Field: Sync {
    /// Fills it with the value that is written so; `None` where that is not allowed.
    fn read(&self, settings: &mut Settings, text: &str) -> Option<()>;

    /// Its value as [`Self::read`] takes it; `None` where it has no effect.
    fn show(&self, settings: &Settings) -> Option<String>;

    /// Which values are allowed, as it is said after one that is not.
    fn allowed(&self) -> String;

    /// The same after one that is written so.
    fn allowed_instead_of(&self, text: &str) -> String;

    /// The port that is listened on by its value, if it is a port and not any free one.
    fn port(&self, settings: &Settings) -> Option<NonZeroU16>;
}

/// Where a field stands, and how it is written. It may be absent, where an earlier setting rules it
/// out: there are no limits of unknown clients that are denied.
pub(super) struct Place<T: 'static, N> {
    pub(super) of: fn(&Settings) -> Option<&T>,
    pub(super) of_mut: fn(&mut Settings) -> Option<&mut T>,
    pub(super) notation: N,
}

impl<T, N: Notation<T> + Sync> Field for Place<T, N> {
    fn read(&self, settings: &mut Settings, text: &str) -> Option<()> {
        // A mistake in a value must not wait for the day on which it has an effect.
        let value = self.notation.parse(text)?;
        if let Some(field) = (self.of_mut)(settings) {
            *field = value;
        }
        Some(())
    }

    fn show(&self, settings: &Settings) -> Option<String> {
        (self.of)(settings).map(|value| self.notation.text(value))
    }

    fn allowed(&self) -> String {
        self.notation.allowed()
    }

    fn allowed_instead_of(&self, text: &str) -> String {
        self.notation.allowed_instead_of(text)
    }

    fn port(&self, settings: &Settings) -> Option<NonZeroU16> {
        (self.of)(settings).and_then(|value| self.notation.port(value))
    }
}

/// The field at a path below [`Settings`]: written as its type is, `as` another notation says, or
/// there only where its parent `is` of a certain shape.
macro_rules! field {
    ($($path:ident).+) => {
        field!($($path).+ as $crate::settings::notation::Plain)
    };
    ($($path:ident).+ as $notation:expr) => {
        &$crate::settings::field::Place {
            of: |settings| Some(&settings.$($path).+),
            of_mut: |settings| Some(&mut settings.$($path).+),
            notation: $notation,
        }
    };
    ($field:ident of $($path:ident).+ is $shape:pat) => {
        &$crate::settings::field::Place {
            of: |settings| match &settings.$($path).+ {
                $shape => Some($field),
                _ => None,
            },
            of_mut: |settings| match &mut settings.$($path).+ {
                $shape => Some($field),
                _ => None,
            },
            notation: $crate::settings::notation::Plain,
        }
    };
}

pub(super) use field;
