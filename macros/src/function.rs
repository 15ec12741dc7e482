//! The head of a function, as far as an attribute must know it.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::{Which, Wrong};

/// An async function without arguments.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) attributes: TokenStream,
    pub(crate) visibility: TokenStream,
    asyncness: Ident,
    pub(crate) name: Ident,
    /// `->` and the type, or nothing.
    pub(crate) output: TokenStream,
    body: Group,
}

impl Function {
    pub(crate) fn parse(item: TokenStream, which: Which) -> Result<Self, Wrong> {
        let mut tokens = item.into_iter().peekable();
        let attributes = attributes(&mut tokens, which)?;
        let mut visibility = TokenStream::new();
        if tokens.peek().is_some_and(|token| is(token, "pub")) {
            visibility.extend(tokens.next());
            if let Some(TokenTree::Group(_)) = tokens.peek() {
                visibility.extend(tokens.next());
            }
        }
        let attribute = match which {
            Which::Main => "#[rejoin::main]",
            Which::Test => "#[rejoin::test]",
        };
        let wrong = |span, what: &str| Wrong(span, format!("{attribute} {what}"));
        let asyncness = match tokens.next() {
            Some(TokenTree::Ident(word)) if word.to_string() == "async" => word,
            Some(TokenTree::Ident(word)) if word.to_string() == "fn" => {
                return Err(wrong(
                    word.span(),
                    "is for an `async fn`; this one is not async",
                ));
            }
            other => return Err(wrong(span_of(other), "is for an `async fn`")),
        };
        match tokens.next() {
            Some(token) if is(&token, "fn") => {}
            other => return Err(wrong(span_of(other), "is for a plain `async fn`")),
        }
        let Some(TokenTree::Ident(name)) = tokens.next() else {
            return Err(wrong(asyncness.span(), "is for an `async fn`"));
        };
        if which == Which::Main && name.to_string() != "main" {
            return Err(wrong(name.span(), "is for the function `main`"));
        }
        match tokens.next() {
            Some(TokenTree::Group(arguments))
                if arguments.delimiter() == Delimiter::Parenthesis =>
            {
                if !arguments.stream().is_empty() {
                    return Err(wrong(
                        arguments.span(),
                        "is for a function without arguments",
                    ));
                }
            }
            other => {
                return Err(wrong(
                    span_of(other),
                    "is for a function that is not generic",
                ));
            }
        }
        let mut rest: Vec<_> = tokens.collect();
        match rest.pop() {
            Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => Ok(Self {
                attributes,
                visibility,
                asyncness,
                name,
                output: rest.into_iter().collect(),
                body,
            }),
            other => Err(wrong(span_of(other), "is for a function with a body")),
        }
    }

    /// The function as it was written, without its attributes.
    pub(crate) fn whole(&self) -> TokenStream {
        let head = [
            TokenTree::from(self.asyncness.clone()),
            Ident::new("fn", self.name.span()).into(),
            self.name.clone().into(),
            Group::new(Delimiter::Parenthesis, TokenStream::new()).into(),
        ];
        let mut tokens = TokenStream::from_iter(head);
        tokens.extend(self.output.clone());
        tokens.extend([TokenTree::from(self.body.clone())]);
        tokens
    }
}

type Tokens = std::iter::Peekable<proc_macro::token_stream::IntoIter>;

/// The attributes in front, which go to the outer function.
fn attributes(tokens: &mut Tokens, which: Which) -> Result<TokenStream, Wrong> {
    let mut attributes = TokenStream::new();
    while let Some(TokenTree::Punct(hash)) = tokens.peek() {
        if hash.as_char() != '#' {
            break;
        }
        attributes.extend(tokens.next());
        let Some(TokenTree::Group(attribute)) = tokens.next() else {
            continue;
        };
        if which == Which::Test && attribute.stream().to_string() == "test" {
            let message = "#[rejoin::test] makes the function a test; take #[test] away";
            return Err(Wrong(attribute.span(), message.to_owned()));
        }
        attributes.extend([TokenTree::from(attribute)]);
    }
    Ok(attributes)
}

fn is(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == word)
}

fn span_of(token: Option<TokenTree>) -> Span {
    token.map_or_else(Span::call_site, |token| token.span())
}
