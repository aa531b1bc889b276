//! `#[derive(Record)]`: the collection that the records of a type make up, from its fields.
//!
//! The macro only reads names and attributes; what kind a field is follows from its type by a trait
//! of the library. What it does not understand is an error at its place, never passed over.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Fields, LitStr, Result, parse_macro_input};

/// Derives the shape of records. `#[record(collection = "students")]` names the collection (by
/// itself it is called like the type), and `#[record(key)]` marks the fields of the key, of which
/// there is at least one. `#[record(role = "carry")]` says what else a field is for. Names follow
/// `#[serde(rename = "...")]`, and what serde skips is no field.
#[proc_macro_derive(Record, attributes(record, serde))]
pub fn derive_record(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expanded(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

fn expanded(input: &DeriveInput) -> Result<Tokens> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(input, "a record is a struct"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(
            input,
            "the fields of a record have names",
        ));
    };
    let mut collection = LitStr::new(&input.ident.to_string(), input.ident.span());
    for attribute in &input.attrs {
        if attribute.path().is_ident("record") {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("collection") {
                    return Err(meta.error("a record knows `collection = \"...\"`"));
                }
                collection = meta.value()?.parse()?;
                Ok(())
            })?;
        } else if attribute.path().is_ident("serde") {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename_all") || meta.path.is_ident("tag") {
                    return Err(meta.error("name each field by `#[serde(rename = \"...\")]`"));
                }
                passed_over(&meta)
            })?;
        }
    }
    let columns: Vec<Column<'_>> = fields
        .named
        .iter()
        .map(Column::of)
        .collect::<Result<Vec<Option<Column<'_>>>>>()?
        .into_iter()
        .flatten()
        .collect();
    let key = columns.iter().filter(|column| column.is_key);
    let key: Vec<&LitStr> = key.map(|column| &column.name).collect();
    if key.is_empty() {
        let message = "no field is marked by `#[record(key)]`, which says what tells records apart";
        return Err(Error::new_spanned(&input.ident, message));
    }
    let described = columns.iter().map(Column::described);
    let name = &input.ident;
    let (generics, types, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        impl #generics ::syncline::Record for #name #types #bounds {
            fn collection() -> ::syncline::store::Collection {
                ::syncline::store::described(
                    #collection,
                    &[#(#key),*],
                    ::std::vec![#(#described),*],
                )
            }
        }
    })
}

/// The words for what a field is for.
const ROLES: [&str; 5] = ["compare", "carry", "write-only", "ignore", "secret"];

/// A field of a type as a field of its records.
struct Column<'input> {
    field: &'input Field,
    name: LitStr,
    is_key: bool,
    role: Option<LitStr>,
}

impl<'input> Column<'input> {
    /// Reads the attributes of a field; nothing if serde skips it.
    fn of(field: &'input Field) -> Result<Option<Self>> {
        let Some(ident) = &field.ident else {
            return Ok(None);
        };
        let name = ident.to_string();
        let mut column = Self {
            field,
            name: LitStr::new(name.trim_start_matches("r#"), ident.span()),
            is_key: false,
            role: None,
        };
        let mut is_skipped = false;
        for attribute in &field.attrs {
            if attribute.path().is_ident("record") {
                attribute.parse_nested_meta(|meta| column.record(&meta))?;
            } else if attribute.path().is_ident("serde") {
                attribute.parse_nested_meta(|meta| column.serde(&meta, &mut is_skipped))?;
            }
        }
        Ok((!is_skipped).then_some(column))
    }

    fn record(&mut self, meta: &syn::meta::ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("key") {
            self.is_key = true;
            return Ok(());
        }
        if !meta.path.is_ident("role") {
            return Err(meta.error("a field knows `key` and `role = \"...\"`"));
        }
        let role: LitStr = meta.value()?.parse()?;
        if !ROLES.contains(&role.value().as_str()) {
            let message = format!("a role is one of {}", ROLES.join(", "));
            return Err(Error::new_spanned(role, message));
        }
        self.role = Some(role);
        Ok(())
    }

    fn serde(
        &mut self,
        meta: &syn::meta::ParseNestedMeta<'_>,
        is_skipped: &mut bool,
    ) -> Result<()> {
        if meta.path.is_ident("rename") {
            self.name = meta.value()?.parse()?;
            return Ok(());
        }
        if meta.path.is_ident("flatten") {
            return Err(meta.error("a record has its fields itself; `flatten` hides what they are"));
        }
        *is_skipped |= meta.path.is_ident("skip") || meta.path.is_ident("skip_serializing");
        passed_over(meta)
    }

    fn described(&self) -> Tokens {
        let (name, kind) = (&self.name, &self.field.ty);
        let role = match &self.role {
            None => quote!(::core::option::Option::None),
            Some(role) => quote!(::core::option::Option::Some(#role)),
        };
        quote!(::syncline::store::field::<#kind>(#name, #role))
    }
}

/// Reads past an attribute that says nothing about the shape.
fn passed_over(meta: &syn::meta::ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(syn::Token![=]) {
        let _value: syn::Expr = meta.value()?.parse()?;
    } else if meta.input.peek(syn::token::Paren) {
        let inside;
        syn::parenthesized!(inside in meta.input);
        let _inside: Tokens = inside.parse()?;
    }
    Ok(())
}
