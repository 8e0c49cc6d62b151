//! What a PromQL expression selects, by a parser of the language.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, VectorSelector, parse};

/// One selector of an expression: the series that it reads, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The metric; none in `{job="a"}`.
    pub metric: Option<String>,
    /// Labels, operators and values, in their order: `("job", "=~", "a.*")`.
    pub matchers: Vec<(String, &'static str, String)>,
    /// Seconds of the range behind it, as in `[5m]`.
    pub range: Option<u64>,
    /// The function whose argument it is, `rate` in `rate(a[5m])`.
    pub function: Option<&'static str>,
}

impl Selector {
    /// Whether it selects by a label in exactly this way.
    pub fn has_matcher(&self, label: &str, operator: &str, value: &str) -> bool {
        self.matchers
            .iter()
            .any(|(of, by, to)| (of.as_str(), *by, to.as_str()) == (label, operator, value))
    }
}

/// Every selector of an expression, from left to right, or what is wrong with the expression.
pub fn selectors(expression: &str) -> Result<Vec<Selector>, String> {
    let mut selectors = Vec::new();
    collect(&parse(expression)?, None, &mut selectors);
    Ok(selectors)
}

fn collect(expression: &Expr, function: Option<&'static str>, into: &mut Vec<Selector>) {
    match expression {
        Expr::VectorSelector(selector) => into.push(read(selector, None, function)),
        Expr::MatrixSelector(matrix) => {
            into.push(read(&matrix.vs, Some(matrix.range.as_secs()), function));
        }
        Expr::Call(call) => {
            for argument in &call.args.args {
                collect(argument, Some(call.func.name), into);
            }
        }
        Expr::Aggregate(aggregate) => collect(&aggregate.expr, None, into),
        Expr::Unary(unary) => collect(&unary.expr, None, into),
        Expr::Binary(binary) => {
            collect(&binary.lhs, None, into);
            collect(&binary.rhs, None, into);
        }
        Expr::Paren(paren) => collect(&paren.expr, function, into),
        Expr::Subquery(subquery) => collect(&subquery.expr, None, into),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn read(selector: &VectorSelector, range: Option<u64>, function: Option<&'static str>) -> Selector {
    let matchers =
        selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten());
    let matchers = matchers.map(|Matcher { op, name, value }| {
        let operator = match op {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Re(_) => "=~",
            MatchOp::NotRe(_) => "!~",
        };
        (name.clone(), operator, value.clone())
    });
    Selector { metric: selector.name.clone(), matchers: matchers.collect(), range, function }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_selector_is_found_with_its_matchers_range_and_function() {
        let found = selectors(r#"sum by (a) (rate(x_total{a="b", c=~"$d"}[2m])) / on (a) (y > 0)"#);
        let x = Selector {
            metric: Some("x_total".to_owned()),
            matchers: vec![
                ("a".to_owned(), "=", "b".to_owned()),
                ("c".to_owned(), "=~", "$d".to_owned()),
            ],
            range: Some(120),
            function: Some("rate"),
        };
        let y = Selector {
            metric: Some("y".to_owned()),
            matchers: vec![],
            range: None,
            function: None,
        };
        assert_eq!(found, Ok(vec![x, y]));
    }

    #[test]
    fn what_is_no_promql_is_an_error() {
        for expression in ["", "sum(", "rate(x)", "x{a=b}", "x[5m] + 1"] {
            assert!(selectors(expression).is_err(), "{expression}");
        }
    }
}
