//! What training and serving must agree on: plain data and pure functions, no async, no tensor library.
//!
//! In the order of the data's road: [`catalog`] and [`interactions`] are read from files, [`event`] says what shoppers did,
//! [`activity`] counts it, [`attributes`] says what the products' attributes are, [`product_set`] which products belong to something, [`arrangement`] how they are arranged,
//! [`sources`] what may answer;
//! [`vocabulary`] turns names into ids, [`history`] turns what a shopper viewed into the model's input, [`lookup`] does
//! both for handles, [`bundle`] describes the files that a trained model is shipped in, [`parity`] says whether two
//! implementations of a model agree. [`timestamp`], [`files`], [`text`] and [`places`] serve all of them.

pub mod activity;
pub mod arrangement;
pub mod attributes;
pub mod bundle;
pub mod catalog;
pub mod event;
pub mod files;
pub mod history;
pub mod interactions;
pub mod lookup;
pub mod parity;
pub mod places;
pub mod product_set;
pub mod sources;
pub mod text;
mod text_index;
pub mod timestamp;
pub mod user_table;
pub mod vocabulary;
