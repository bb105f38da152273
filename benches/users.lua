-- For wrk: one user after the other, at random, of a million.
request = function()
    return wrk.format("GET", string.format("/v1/users/u%06d", math.random(0, 999999)))
end
