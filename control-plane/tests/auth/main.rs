//! Who is let in where: every call of every port, for everybody who may show something.

mod calls;
mod issuer;
mod start;
mod table;
mod token_file;
mod world;
