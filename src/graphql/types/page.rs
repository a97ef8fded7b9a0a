//! Relay connections.

use async_graphql::SimpleObject;

/// Where a page stands in its list.
#[derive(SimpleObject, Clone, Debug)]
pub struct PageInfo {
    /// Whether there is more after this page. While paging backwards: whether the page was cut at its end.
    pub has_next_page: bool,
    /// Whether there is more before this page.
    pub has_previous_page: bool,
    /// The cursor of the first edge, to page backwards from.
    pub start_cursor: Option<String>,
    /// The cursor of the last edge, to page forwards from.
    pub end_cursor: Option<String>,
}

/// Declares a connection and its edge over one node type.
macro_rules! connection {
    ($node:ty, $connection:ident, $edge:ident, $noun:literal) => {
        #[doc = concat!("A page of ", $noun, ".")]
        #[derive(async_graphql::SimpleObject, Clone)]
        pub struct $connection {
            /// The page's entries, each with its cursor.
            edges: Vec<$edge>,
            /// The page's entries alone.
            nodes: Vec<$node>,
            /// Where the page stands in the list.
            page_info: $crate::graphql::types::page::PageInfo,
            /// How many there are on all pages together.
            total_count: Option<u64>,
        }

        #[doc = concat!("One of a page of ", $noun, ".")]
        #[derive(async_graphql::SimpleObject, Clone)]
        pub struct $edge {
            /// Where it stands in the list; good for the same list only.
            cursor: String,
            /// The entry itself.
            node: $node,
        }

        impl<T> From<$crate::service::page::Page<T>> for $connection
        where
            $node: From<T>,
        {
            fn from(page: $crate::service::page::Page<T>) -> Self {
                let total_count = page.total;
                let edges: Vec<$edge> = page
                    .entries
                    .into_iter()
                    .map(|entry| $edge { cursor: entry.cursor, node: entry.node.into() })
                    .collect();
                Self {
                    page_info: $crate::graphql::types::page::PageInfo {
                        has_next_page: page.has_next,
                        has_previous_page: page.has_previous,
                        start_cursor: edges.first().map(|edge| edge.cursor.clone()),
                        end_cursor: edges.last().map(|edge| edge.cursor.clone()),
                    },
                    nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
                    edges,
                    total_count,
                }
            }
        }
    };
}

pub(crate) use connection;
