package app

// Commands are the subcommands, for the tests of this package.
var Commands = commands
