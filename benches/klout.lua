-- For wrk: Klout's API, with the key "benchmarkbenchmark" and people of bench serve: identities by name, scores of several, and every page
-- of somebody whose id was told.
local ids = {}
request = function()
    local user = string.format("u%06d", math.random(0, 999999))
    local draw = math.random(0, 3)
    if draw == 0 or #ids == 0 then
        return wrk.format("GET", "/v2/identity.json/twitter?screenName=" .. user .. "&key=benchmarkbenchmark")
    elseif draw == 1 then
        return wrk.format("GET", "/1/klout.json?users=" .. user .. "&key=benchmarkbenchmark")
    end
    local id = ids[math.random(#ids)]
    return wrk.format("GET", "/v2/user.json/" .. id .. (draw == 2 and "/score" or "") .. "?key=benchmarkbenchmark")
end
response = function(status, headers, body)
    local id = #ids < 10000 and string.match(body, '^{"id":"(%d+)"')
    if id then ids[#ids + 1] = id end
end
