package org

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// enough is the contrast that text needs against what it stands on (WCAG 2.2,
// 1.4.3, level AA).
const enough = 4.5

var hexColour = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// Contrast is the ratio between two colours such as "#1a2b3c" (WCAG 2.2,
// "contrast ratio"): from 1, which cannot be read, to 21.
func Contrast(a, b string) (float64, error) {
	la, err := luminance(a)
	if err != nil {
		return 0, err
	}
	lb, err := luminance(b)
	if err != nil {
		return 0, err
	}
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05), nil
}

// luminance is the relative luminance (WCAG 2.2, "relative luminance").
func luminance(colour string) (float64, error) {
	if !hexColour.MatchString(colour) {
		return 0, fmt.Errorf("%q is no colour such as #1a2b3c", colour)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return 0, err
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum, nil
}
