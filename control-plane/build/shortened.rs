//! A script with short names in place of those that stand in it alone, and without spaces.

use std::error::Error;

use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_minifier::{MangleOptions, Minifier, MinifierOptions};
use oxc_parser::Parser;
use oxc_span::SourceType;

/// What is done is told by what it is called; nothing is computed beforehand, left out or put elsewhere.
pub(crate) fn script(text: &str, path: &str) -> Result<String, Box<dyn Error>> {
    let allocator = Allocator::default();
    let mut parsed = Parser::new(&allocator, text, SourceType::mjs()).parse();
    if let Some(wrong) = parsed.diagnostics.first() {
        return Err(format!("{path}: {wrong}").into());
    }
    let names = MangleOptions { top_level: Some(true), ..MangleOptions::default() };
    let options =
        MinifierOptions { mangle: Some(names), compress: None, ..MinifierOptions::default() };
    let shortened = Minifier::new(options).minify(&allocator, &mut parsed.program);
    let codegen =
        Codegen::new().with_options(CodegenOptions::minify()).with_scoping(shortened.scoping);
    Ok(codegen.build(&parsed.program).code)
}
