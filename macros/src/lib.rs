//! `#[rejoin::main]` and `#[rejoin::test]`, for the crate `rejoin`, which documents them.
//!
//! Without a parser of all of Rust: what is looked at is the head of one function, and the function itself
//! goes through as it was written. It stays a function, within one that runs it, so that the compiler's
//! messages are about the lines that the user wrote. `syn` would be two seconds of compile time in front of
//! every program, for a dozen lines less.

#![forbid(unsafe_code)]

mod function;
mod options;

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

use function::Function;
use options::Options;

/// Runs an async `main`. See `rejoin::main`.
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, Which::Main)
}

/// Runs an async test. See `rejoin::test`.
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item, Which::Test)
}

/// Which attribute it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Main,
    Test,
}

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) Span, pub(crate) String);

fn expand(options: TokenStream, item: TokenStream, which: Which) -> TokenStream {
    let parsed = Options::parse(options, which)
        .and_then(|options| Ok((options, Function::parse(item.clone(), which)?)))
        .and_then(|(options, function)| run(&options, function, which));
    match parsed {
        Ok(tokens) => tokens,
        // The function stays, so that nothing else is amiss because it is not there.
        Err(Wrong(span, message)) => {
            let mut tokens = compile_error(span, &message);
            if which == Which::Test {
                tokens.extend(tokens_of("#[allow(dead_code)]"));
            }
            tokens.extend(item);
            tokens
        }
    }
}

/// The function that runs the user's.
fn run(options: &Options, function: Function, which: Which) -> Result<TokenStream, Wrong> {
    let rejoin = options.path()?;
    let name = function.name.to_string();
    let threads = options.threads.as_ref();
    let threads = threads.map_or_else(String::new, |threads| format!(".threads({threads})"));
    let text = match (which, &options.seeds) {
        (Which::Main, _) if threads.is_empty() => format!("{rejoin}::block_on({name}())"),
        (Which::Main, _) => format!(
            "{rejoin}::Executor::builder(){threads}.build_global()\
             .expect(\"#[rejoin::main] starts the global executor\");\
             {rejoin}::block_on({name}())"
        ),
        (Which::Test, Some((_, seeds))) => {
            if let Some(output) = function.output.clone().into_iter().next() {
                let message = "a test with seeds returns nothing; it fails by a panic";
                return Err(Wrong(output.span(), message.to_owned()));
            }
            format!("{rejoin}::sim::check({seeds}, {name});")
        }
        (Which::Test, None) => format!(
            "let executor = {rejoin}::Executor::builder(){threads}.build()\
             .expect(\"#[rejoin::test] starts an executor\");\
             let result = executor.block_on({name}());\
             drop(executor);\
             result"
        ),
    };
    let mut body = function.whole();
    body.extend(tokens_of(&text));
    let mut tokens = match which {
        Which::Main => TokenStream::new(),
        Which::Test => tokens_of("#[::core::prelude::v1::test]"),
    };
    tokens.extend(function.attributes);
    tokens.extend(function.visibility);
    tokens.extend(tokens_of("fn"));
    tokens.extend([TokenTree::from(function.name)]);
    tokens.extend(tokens_of("()"));
    tokens.extend(function.output);
    tokens.extend([TokenTree::from(Group::new(Delimiter::Brace, body))]);
    Ok(tokens)
}

fn tokens_of(text: &str) -> TokenStream {
    text.parse().expect("written here, and correct")
}

/// `compile_error!` with a message that points at `span`.
fn compile_error(span: Span, message: &str) -> TokenStream {
    let mut bang = Punct::new('!', Spacing::Alone);
    bang.set_span(span);
    let mut literal = Literal::string(message);
    literal.set_span(span);
    let inside = TokenStream::from(TokenTree::from(literal));
    let mut braces = Group::new(Delimiter::Brace, inside);
    braces.set_span(span);
    TokenStream::from_iter([
        TokenTree::from(Ident::new("compile_error", span)),
        bang.into(),
        braces.into(),
    ])
}
