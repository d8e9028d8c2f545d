package lint

// CheckFew is Check with another bound of the pairs that are compared.
var CheckFew = check
