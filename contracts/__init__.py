"""The Solidity contracts, their committed artifacts and the compiler run that makes them."""
