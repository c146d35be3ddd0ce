package pickup

// Write writes settings past their checks.
var Write = write
